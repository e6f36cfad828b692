"""Which package owns an executable, by the databases of dpkg, apk and rpm."""

import base64
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from support.investigate.whyhost import PROGRAM, WhyHost

CONTENT = b"ELF " + PROGRAM.encode()
STATUS = """\
Package: other
Status: install ok installed
Version: 9

Package: npmp
Status: install ok installed
Architecture: i386
Version: 0.9

Package: npmp
Status: install ok installed
Architecture: amd64
Version: 2:1.0-2
Description: x
 Version: no
"""
RPM = """\
#!/bin/sh
printf '%s\\n' "$@" > {log}
case "$*" in
*-qf*{path}) {answer} ;;
esac
"""
OWNED = "printf 'npmp\\t1.0-2.el9\\t1650000000\\n/etc/npmp\\t\\n{path}\\t{digest}\\n'"
UNOWNED = "echo 'file {path} is not owned by any package'; exit 1"


@pytest.fixture
def host(tmp_path: Path) -> WhyHost:
    """A machine where a program runs and no package manager is."""
    host = WhyHost(tmp_path)
    host.process(812)
    return host


def md5(content: bytes = CONTENT) -> str:
    """The sum dpkg keeps."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def dpkg(host: WhyHost, paths: str = PROGRAM, sums: str = "", name: str = "npmp:amd64") -> None:
    """Give the machine dpkg's database with two packages."""
    folder = "root/var/lib/dpkg"
    host.put(f"{folder}/status", STATUS)
    host.put(f"{folder}/info/other.list", "/.\n/usr\n/usr/sbin\n/usr/sbin/npmp-tool\n")
    listed = host.put(f"{folder}/info/{name}.list", f"/.\n/usr\n{paths}\n/usr/share/doc\n")
    os.utime(listed, (1_650_000_000, 1_650_000_000))
    if sums:
        host.put(f"{folder}/info/{name}.md5sums", f"{'0' * 32}  usr/sbin/npmp-tool\n{sums}\n")


def package(host: WhyHost) -> dict[str, Any]:
    """The package of the program."""
    found: dict[str, Any] = host.why()["package"]
    return found


def test_dpkg_names_owner_version_and_time(host: WhyHost) -> None:
    """Of the right architecture; a path that only begins the same is another file's."""
    dpkg(host)
    assert package(host) == {
        "manager": "dpkg",
        "name": "npmp",
        "version": "2:1.0-2",
        "file": PROGRAM,
        "installed": 1_650_000_000,
    }


@pytest.mark.parametrize(("content", "unchanged"), [(CONTENT, True), (b"trojan", False)])
def test_dpkg_tells_a_changed_file(host: WhyHost, content: bytes, unchanged: bool) -> None:
    """By the sum that the package brought."""
    dpkg(host, sums=f"{md5(content)}  usr/sbin/npmp")
    assert package(host)["unchanged"] is unchanged


def test_a_program_may_be_packaged_below_bin_and_lie_below_usr(host: WhyHost) -> None:
    """As all are since /sbin is a link to /usr/sbin; the sum is kept under the same name."""
    dpkg(host, "/sbin/npmp", f"{md5()}  sbin/npmp")
    assert (package(host)["file"], package(host)["unchanged"]) == ("/sbin/npmp", True)


def test_a_diverted_program_is_owned_and_not_compared(host: WhyHost) -> None:
    """Its name in the package is another one (dpkg-divert(1))."""
    dpkg(host, "/usr/sbin/npmp.orig", f"{md5(b'x')}  usr/sbin/npmp.orig")
    host.put("root/var/lib/dpkg/diversions", f"/usr/sbin/npmp.orig\n{PROGRAM}\nlocal\n")
    found = package(host)
    assert found["name"] == "npmp"
    assert "unchanged" not in found


def test_an_upgrade_while_it_runs_is_compared_with_the_new_file(host: WhyHost) -> None:
    """What runs is gone; what lies there now is the package's."""
    dpkg(host, sums=f"{md5(b'new')}  usr/sbin/npmp")
    old = host.put("old", CONTENT)
    host.put(f"root{PROGRAM}", b"new")
    os.rename(old, f"{old} (deleted)")  # noqa: PTH104 - beside the test's own os.utime
    host.link("proc/812/exe", f"{host.root}{PROGRAM} (deleted)")
    why = host.why()
    assert why["executable"]["on_disk"] == "replaced"
    assert why["package"]["unchanged"] is True


def test_a_program_no_package_owns(host: WhyHost) -> None:
    """The manager answered, and knows no owner."""
    dpkg(host, "/usr/sbin/else")
    why = host.why()
    assert ("package" in why, why["unowned_by"]) == (False, ["dpkg"])


@pytest.mark.parametrize(
    "spoil",
    ["var/lib/dpkg/info/other.list", "var/lib/dpkg/status", "var/lib/dpkg/info/npmp:amd64.list"],
)
def test_a_database_that_cannot_be_read_owns_nothing_and_disowns_nothing(
    host: WhyHost, spoil: str
) -> None:
    """A part of the lists is no answer."""
    dpkg(host, "/usr/sbin/else")
    file = host.root / spoil
    file.unlink()
    os.mkfifo(file)
    why = host.why()
    assert ("package" in why, why["unowned_by"]) == (False, [])
    assert any("dpkg could not be asked" in text for text in why["missing"])


def test_an_empty_database_knows_nothing(host: WhyHost) -> None:
    """As in an image whose lists were removed."""
    (host.root / "var/lib/dpkg/info").mkdir(parents=True)
    assert host.why()["unowned_by"] == []
    assert (
        "dpkg could not be asked for its package: its database has no packages"
        in host.why()["missing"]
    )


def test_without_a_package_manager_that_is_said(host: WhyHost) -> None:
    """An executable is not unpackaged for that."""
    why = host.why()
    assert why["unowned_by"] == []
    assert "there is no supported package manager (dpkg, rpm, apk)" in why["missing"]


def apk(host: WhyHost, content: bytes = CONTENT, folder: str = "lib/apk/db") -> None:
    """Give the machine apk's database with two packages."""
    digest = base64.b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode()
    entry = (
        f"P:npmp\nV:1.0-r2\nF:etc\nR:npmp\nZ:Q1xxx\nF:usr/sbin\nR:npmp\na:0:0:755\nZ:Q1{digest}\n"
    )
    host.put(f"root/{folder}/installed", f"P:other\nV:9\nF:usr/sbin\nR:npmp2\n\n{entry}\n")


@pytest.mark.parametrize(("content", "unchanged"), [(CONTENT, True), (b"trojan", False)])
@pytest.mark.parametrize("folder", ["lib/apk/db", "usr/lib/apk/db"])
def test_apk_names_owner_and_version(
    host: WhyHost,
    content: bytes,
    unchanged: bool,
    folder: str,
) -> None:
    """And whether the file is as it was packaged."""
    apk(host, content, folder)
    assert package(host) == {
        "manager": "apk",
        "name": "npmp",
        "version": "1.0-r2",
        "file": PROGRAM,
        "installed": None,
        "unchanged": unchanged,
    }


def rpm(host: WhyHost, answer: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the machine an rpm database, and put a program rpm on PATH that answers so."""
    host.put("root/var/lib/rpm/rpmdb.sqlite", "x")
    log = host.root / "asked"
    program = host.put("bin/rpm", RPM.format(log=log, path=PROGRAM, answer=answer))
    program.chmod(0o755)
    monkeypatch.setattr("portproof.agent.package_owners._PATH", str(program.parent))
    return log


@pytest.mark.parametrize(
    ("digest", "unchanged"),
    [
        (hashlib.sha256(CONTENT).hexdigest(), True),
        (md5(), True),
        ("0" * 64, False),
        ("", None),
    ],
)
def test_rpm_is_asked_by_its_own_program(
    host: WhyHost, monkeypatch: pytest.MonkeyPatch, digest: str, unchanged: bool | None
) -> None:
    """In one call, with the path as one argument behind the options."""
    log = rpm(host, OWNED.format(path=PROGRAM, digest=digest), monkeypatch)
    found = package(host)
    assert (found["manager"], found["name"], found["version"]) == ("rpm", "npmp", "1.0-2.el9")
    assert (found["installed"], found.get("unchanged")) == (1_650_000_000, unchanged)
    assert log.read_text(encoding="utf-8").split("\n")[-3:] == ["--", PROGRAM, ""]


@pytest.mark.parametrize(
    ("answer", "unowned", "missing"),
    [
        (UNOWNED.format(path=PROGRAM), ["rpm"], ""),
        ("echo 'error: database is locked'; exit 1", [], "database is locked"),
        ("exit 3", [], "exit code 3"),
        ("echo garbage", [], "rpm's answer is malformed"),
    ],
)
def test_only_rpms_own_words_make_a_program_unowned(
    host: WhyHost, monkeypatch: pytest.MonkeyPatch, answer: str, unowned: list[str], missing: str
) -> None:
    """Any other failure is missing."""
    rpm(host, answer, monkeypatch)
    why = host.why()
    assert why["unowned_by"] == unowned
    assert missing in " ".join(why["missing"])


def test_a_database_of_rpm_without_rpm_is_said(
    host: WhyHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else reads it."""
    rpm(host, "true", monkeypatch)
    monkeypatch.setattr("portproof.agent.package_owners._PATH", str(host.root))
    assert "there is a database, but the program rpm is not installed" in " ".join(
        host.why()["missing"]
    )


def test_a_container_has_packages_and_users_of_its_own(tmp_path: Path) -> None:
    """Read below its own root; the host's are not asked about its paths."""
    inside = tmp_path / "container"
    host = WhyHost(tmp_path)
    host.process(812, root=inside)
    host.put("container/etc/passwd", "inner:x:33:33::/:/bin/sh\n")
    host.put("container/lib/apk/db/installed", f"P:inside\nV:3\nF:{PROGRAM[1:-5]}\nR:npmp\n\n")
    dpkg(host)
    why = host.why()
    assert why["process"]["user"] == "inner"
    assert (why["package"]["manager"], why["package"]["name"]) == ("apk", "inside")


def test_rpm_never_runs_on_a_containers_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its macros would run as us."""
    host = WhyHost(tmp_path)
    log = rpm(host, "true", monkeypatch)
    host.process(812, root=tmp_path / "container")
    host.put("container/var/lib/rpm/rpmdb.sqlite", "x")
    why = host.why()
    assert not log.exists()
    assert why["unowned_by"] == []
    assert "rpm's database of another root is not read from outside" in " ".join(why["missing"])
