"""``portproof audit`` as a user runs it, on machines of the test's own."""

import contextlib
import html
import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portproof.archive.folder import MANIFEST
from support.machine import HOSTNAME, PORTPROOF, Machine, everyone_may_enter, machine
from support.paths import SUPPORT

NOBODY = 65534
SHIPPED_RULES = 3
WHOLE = {"report.html", "audit.json", "evidence.jsonl", "manifest.json", "request.json"}
BEGUN = {"evidence.jsonl", "request.json"}
STANDINS = SUPPORT / "standins"


@pytest.fixture(scope="module")
def quiet() -> Iterator[Machine]:
    """A machine on which nothing listens."""
    with machine() as started:
        yield started


@pytest.fixture(scope="module")
def busy() -> Iterator[Machine]:
    """A machine with a listener on 609, of every kind a fix must name."""
    with machine() as started:
        started.listen("tcp", "0.0.0.0", 609, name="netinfod")
        started.listen("udp", "::", 610, name="npmp")
        yield started


def read(folder: Path) -> dict[str, Any]:
    """The machine-readable result of an audit."""
    result: dict[str, Any] = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
    return result


@pytest.mark.needs("namespaces")
def test_a_machine_with_nothing_listening_is_proven(quiet: Machine, tmp_path: Path) -> None:
    """All shipped rules pass, the exit code is 0, and the folder is whole."""
    done = quiet.portproof("audit", "-o", "out", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{HOSTNAME} is proven: every rule passes" in done.stdout
    names = {file.name for file in (tmp_path / "out").iterdir()}
    assert names == WHOLE
    assert read(tmp_path / "out")["totals"]["verdicts"]["pass"] >= SHIPPED_RULES


@pytest.mark.needs("namespaces")
def test_a_listener_fails_and_is_explained(busy: Machine, tmp_path: Path) -> None:
    """Exit code 1; the terminal names rule, host, address, process, user and the fix."""
    done = busy.portproof("audit", "-o", "out", cwd=tmp_path)
    assert done.returncode == 1
    assert "FAIL retired-ports/npmp-trap-609 (high)" in done.stdout
    assert f"{HOSTNAME}: netinfod listens on tcp 0.0.0.0:609" in done.stdout
    assert "npmp listens on udp [::]:610" in done.stdout
    assert "of root" in done.stdout
    assert "fix on linux:" in done.stdout


@pytest.mark.needs("namespaces")
def test_terminal_json_html_and_exit_code_agree(busy: Machine, tmp_path: Path) -> None:
    """The same totals everywhere."""
    done = busy.portproof("audit", "-o", "out", cwd=tmp_path)
    result = read(tmp_path / "out")
    counts = result["totals"]["verdicts"]
    line = next(line for line in done.stdout.splitlines() if line.startswith("verdicts: "))
    told = {name: int(count) for count, name in re.findall(r"(\d+) ([a-z-]+)", line)}
    assert told == counts
    assert sum(counts.values()) == len(result["hosts"]) * len(result["rules"])
    assert result["exit_code"] == done.returncode
    page = html.unescape((tmp_path / "out" / "report.html").read_text(encoding="utf-8"))
    for name, count in counts.items():
        assert f'data-verdict="{name}" data-count="{count}"' in page


@pytest.mark.needs("namespaces", "python for every user")
def test_without_root_nothing_is_proven(quiet: Machine, tmp_path: Path) -> None:
    """A user without rights gets unproven with the way to get there, and exit code 3."""
    everyone_may_enter(tmp_path)
    tmp_path.chmod(0o777)
    done = quiet.portproof("audit", "-o", "out", cwd=tmp_path, user=NOBODY)
    assert done.returncode == 3, done.stderr
    assert "UNPROVEN" in done.stdout
    assert "privilege" in done.stdout
    assert "sudo" in done.stdout


@pytest.mark.needs("namespaces", "python for every user")
def test_without_root_a_listener_that_is_seen_still_fails(busy: Machine, tmp_path: Path) -> None:
    """A row that shows a forbidden listener is enough."""
    tmp_path.chmod(0o777)
    everyone_may_enter(tmp_path)
    done = busy.portproof("audit", "-o", "out", cwd=tmp_path, user=NOBODY)
    assert done.returncode == 1, done.stderr


@pytest.mark.needs("namespaces")
def test_looking_from_another_network_namespace_is_unproven(quiet: Machine, tmp_path: Path) -> None:
    """From inside another network namespace than process 1's, nothing is proven about it."""
    inside = ["unshare", "--net", *PORTPROOF, "audit", "-o", "out"]
    done = quiet.run(*inside, cwd=tmp_path)
    assert done.returncode == 3, done.stdout
    assert "no-witness" in done.stdout


@pytest.mark.needs("namespaces")
def test_other_hosts_are_accounted_for(quiet: Machine, tmp_path: Path) -> None:
    """A host that cannot be reached is in the roster, unproven with its reason."""
    (tmp_path / "hosts").write_text("localhost\nweb1.example.com # far away\n", encoding="utf-8")
    done = quiet.portproof("audit", "-i", "hosts", "-o", "out", cwd=tmp_path)
    assert done.returncode == 3
    assert "1 of 2 hosts proven" in done.stdout
    hosts = {host["name"]: host["verdicts"] for host in read(tmp_path / "out")["hosts"]}
    assert set(hosts["web1.example.com"]) == {"u"}
    assert set(hosts["localhost"]) == {"p"}


@pytest.mark.needs("namespaces")
def test_the_default_folder_is_under_audits(quiet: Machine, tmp_path: Path) -> None:
    """Two audits at once get two folders, named by UTC time."""
    for _ in range(2):
        assert quiet.portproof("audit", "--quiet", cwd=tmp_path).stdout == ""
    names = sorted(folder.name for folder in (tmp_path / "audits").iterdir())
    assert len(names) == 2
    assert re.fullmatch(r"\d{8}T\d{6}Z(-\d+)?", names[0])


@pytest.mark.needs("namespaces")
def test_policies_of_ones_own_with_checks_beside_them(busy: Machine, tmp_path: Path) -> None:
    """A rule of each kind, and a check in the folder beside the policies."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "deleted.yml").write_text(
        "check: deleted\ntitle: Which listeners' programs are gone?\n"
        "sql: SELECT pid, path FROM processes WHERE on_disk = 0\n"
        "witness: SELECT 1 FROM processes LIMIT 1\n",
        encoding="utf-8",
    )
    (tmp_path / "checks" / "strange.yml").write_text(
        "check: strange\ntitle: A table only osquery has?\nsql: SELECT 1 FROM yara\n",
        encoding="utf-8",
    )
    (tmp_path / "policies" / "own.yml").write_text(
        "policy: own\ntitle: Our own\noptional_hosts: [web]\nrules:\n"
        "  - {id: open, open: 609/tcp, by: {process: netinfod, user: root}}\n"
        "  - {id: only, only: [609/tcp, 610/udp]}\n"
        "  - {id: closed, closed: 1-600}\n"
        "  - {id: gone, check: deleted, expect: no rows}\n"
        "  - {id: strange, check: strange, expect: no rows}\n"
        "  - {id: others, closed: 80, hosts: web}\n",
        encoding="utf-8",
    )
    done = busy.portproof("audit", "-p", "policies", "-o", "out", "--via", "probe", cwd=tmp_path)
    assert read(tmp_path / "out")["hosts"][0]["verdicts"] == "ppppun", done.stdout
    assert "missing-table" in done.stdout
    assert "rule own/others is for no host of the inventory" in done.stdout


@pytest.mark.needs("root")
@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["-p", "nowhere.yml"], "nowhere.yml: cannot be read: No such file or directory"),
        (["-p", "empty"], "empty: has no policies"),
        (["-p", "loop"], "which contains it; remove the link"),
        (["-p", "big.yml"], "big.yml: is larger than 4 MiB"),
        (["-p", "link.yml"], "Too many levels of symbolic links"),
        (["-i", "nobody"], "nobody: names no host"),
        (["-i", "nowhere"], "nowhere: does not exist"),
        (["-o", "full"], "the folder full is not empty"),
        (["-o", "file"], "cannot write file"),
        (
            ["--via", "magic"],
            "there is no source named magic; sources are osqueryd, osqueryi, probe",
        ),
        (["-i", "web\udcff,"], r"'web\udcff,' is not text in UTF-8"),
        (["--polcy", "x"], "No such option"),
        (["--timeout", "nan"], "nan is not in the range 1<=x<=3600"),
        (["--timeout", "inf"], "inf is not in the range 1<=x<=3600"),
        (["--since", "nowhere"], "nowhere: does not exist"),
    ],
)
def test_wrong_use_is_told_and_exits_with_2(wrong: Path, args: list[str], said: str) -> None:
    """Nothing is judged, nothing is written, and the message says where and what."""
    before = sorted(wrong.rglob("*"))
    done = audit(wrong, *args)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(wrong.rglob("*")) == before


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder full of things that cannot be used."""
    folder = tmp_path_factory.mktemp("wrong")
    (folder / "empty").mkdir()
    (folder / "loop").mkdir()
    (folder / "loop" / "again").symlink_to(folder / "loop")
    (folder / "link.yml").symlink_to(folder / "link.yml")
    (folder / "big.yml").write_bytes(b"# a comment\n" * (50 << 20 >> 4))
    (folder / "nobody").write_text("# none\n", encoding="utf-8")
    (folder / "full").mkdir()
    (folder / "full" / "mine").touch()
    (folder / "file").touch()
    return folder


def audit(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run an audit on this machine."""
    return subprocess.run(
        [*PORTPROOF, "audit", *args], check=False, capture_output=True, text=True, cwd=folder
    )


@pytest.mark.needs("root")
def test_a_folder_that_cannot_be_written_is_told_before_anyone_looks(tmp_path: Path) -> None:
    """A read-only file system gives exit code 2 and leaves nothing."""
    with mounted(tmp_path / "disk", "ro") as disk:
        done = audit(tmp_path, "-o", "disk/out")
        assert list(disk.iterdir()) == []
    assert done.returncode == 2
    assert "portproof: cannot write disk/out: Read-only file system" in done.stderr


@contextlib.contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """A file system in memory at a new folder."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "small", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.needs("root")
def test_a_full_disk_leaves_no_half_report(tmp_path: Path) -> None:
    """The error names the file; there is no report and no manifest that looks whole."""
    with mounted(tmp_path / "disk", "size=48k") as disk:
        done = audit(tmp_path, "-o", "disk/out")
        left = {file.name for file in (disk / "out").iterdir()}
    assert done.returncode == 2
    assert "No space left on device" in done.stderr
    assert left == BEGUN


@pytest.mark.needs("root")
def test_ctrl_c_twice_leaves_the_evidence_and_no_report(tmp_path: Path) -> None:
    """Interrupted while a source hangs: exit code 3, no report, nothing left running."""
    hang = tmp_path / "bin" / "osqueryi"
    hang.parent.mkdir()
    hang.write_text("#!/bin/sh\nexec sleep 321\n", encoding="utf-8")
    hang.chmod(0o755)
    running = subprocess.Popen(
        [*PORTPROOF, "audit", "-o", "out", "--via", "osqueryi"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": f"{hang.parent}:/usr/bin:/bin"},
    )
    wait_for("sleep 321")
    running.send_signal(signal.SIGINT)
    assert running.stderr is not None
    assert "finishing the hosts in progress" in running.stderr.readline()
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=20)
    assert running.returncode == 3, said
    assert "the evidence so far is in out" in said
    assert {file.name for file in (tmp_path / "out").iterdir()} == BEGUN
    assert "sleep 321" not in processes()


def processes() -> str:
    """The command lines of every process."""
    return subprocess.run(["ps", "-eo", "args"], check=True, capture_output=True, text=True).stdout


def wait_for(command: str) -> None:
    """Wait until a command runs."""
    for _ in range(200):
        if command in processes():
            return
        time.sleep(0.05)
    raise AssertionError(f"{command} never ran")


@pytest.mark.needs("namespaces")
def test_the_manifest_is_of_the_files_that_are_there(quiet: Machine, tmp_path: Path) -> None:
    """Size and SHA-256 of every file, as another program computes them."""
    quiet.portproof("audit", "-o", "out", cwd=tmp_path)
    manifest = json.loads((tmp_path / "out" / MANIFEST).read_text(encoding="utf-8"))
    assert set(manifest["files"]) == WHOLE - {MANIFEST}
    for name, told in manifest["files"].items():
        made = subprocess.run(
            ["sha256sum", tmp_path / "out" / name], check=True, capture_output=True, text=True
        )
        assert made.stdout.split()[0] == told["sha256"]
        assert (tmp_path / "out" / name).stat().st_size == told["bytes"]


@pytest.mark.needs("namespaces")
def test_a_resumed_audit_asks_only_what_is_missing_or_unproven(
    quiet: Machine, tmp_path: Path
) -> None:
    """What was proven stands; the rest is asked again, and the folder becomes whole."""
    (tmp_path / "hosts").write_text("localhost\nlocalhost.localdomain\n", encoding="utf-8")
    first = quiet.portproof("audit", "-i", "hosts", "-o", "out", "-T", "2", cwd=tmp_path)
    assert first.returncode == 3
    journal = tmp_path / "out" / "evidence.jsonl"
    before = journal.read_text(encoding="utf-8").splitlines()
    for name in ("manifest.json", "report.html", "audit.json"):
        (tmp_path / "out" / name).unlink()
    with journal.open("a", encoding="utf-8") as killed:
        killed.write('{"host": "half a li')
    second = quiet.portproof("audit", "--resume", "out", cwd=tmp_path)
    assert second.returncode == 3, second.stderr
    assert {file.name for file in (tmp_path / "out").iterdir()} == WHOLE
    after = journal.read_text(encoding="utf-8").splitlines()
    assert after[0] == before[0]
    assert len(after) == len(before) == 2
    assert after[1] != before[1]


@pytest.mark.needs("namespaces")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("hosts", "localhost\nother\n"), "changed since the audit in out was started: hosts"),
        (("own.yml", "policy: own\ntitle: x\nrules: [{id: a, closed: 2}]\n"), "own.yml"),
        (("out/evidence.jsonl", "no journal\n"), "out/evidence.jsonl: was edited"),
        (("out/request.json", "{}x"), "out/request.json: was edited"),
        (("out/manifest.json", '{"format": "portproof-manifest/9"}'), "a newer version"),
        (("out/manifest.sig", "x\n"), "out/manifest.sig: is damaged"),
    ],
)
def test_what_cannot_be_resumed_is_refused(
    quiet: Machine, tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    """With other policies or hosts, or a damaged folder, nothing is judged."""
    (tmp_path / "hosts").write_text("localhost\n", encoding="utf-8")
    policy = "policy: own\ntitle: x\nrules: [{id: a, closed: 1}]\n"
    (tmp_path / "own.yml").write_text(policy, encoding="utf-8")
    quiet.portproof("audit", "-p", "own.yml", "-i", "hosts", "-o", "out", cwd=tmp_path)
    (tmp_path / change[0]).write_text(change[1], encoding="utf-8")
    done = quiet.portproof("audit", "--resume", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.needs("namespaces")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("out/evidence.jsonl", "no journal\n"), "out/evidence.jsonl:1:1: is damaged"),
        (("out/request.json", "{}x"), "out/request.json: is damaged"),
        (("out/request.json", '{"format": "portproof-request/9"}'), "this version reads"),
    ],
)
def test_what_a_killed_run_left_damaged_is_refused(
    quiet: Machine, tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    """Without a manifest nobody knows what the files were; what cannot be read is not believed."""
    quiet.portproof("audit", "-p", "retired-ports", "-o", "out", cwd=tmp_path)
    (tmp_path / "out" / MANIFEST).unlink()
    (tmp_path / change[0]).write_text(change[1], encoding="utf-8")
    done = quiet.portproof("audit", "--resume", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr


def test_resuming_takes_no_other_options(tmp_path: Path) -> None:
    """An audit is resumed as it was asked for."""
    done = audit(tmp_path, "--resume", "out", "-p", "other.yml")
    assert done.returncode == 2
    assert "leave out --policy" in done.stderr
