"""Find the packages that own files, in the databases of dpkg, apk and rpm.

dpkg(1) keeps a list of files a package in ``info/NAME.list``, their MD5 sums in
``info/NAME.md5sums`` (deb-md5sums(5)) and versions in ``status``; a list is written when its
package is unpacked, so its time is that of the version. apk keeps one file, ``installed``
(apk-db(5)). rpm's database is only read by rpm itself.
"""

import base64
import binascii
import os
import shutil
import subprocess
from pathlib import Path

from .files import regular_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Owners = dict[str, dict[str, object]]

_RPM_LONGEST = 1 << 22
_APK = ("lib/apk/db/installed", "usr/lib/apk/db/installed")
_RPM = ("var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm")
_MERGED = ("/usr/bin/", "/usr/sbin/", "/usr/lib/", "/usr/lib64/", "/usr/libexec/")
_QUERY = "%{NAME}\t%{VERSION}-%{RELEASE}\t%{INSTALLTIME}\n[%{FILENAMES}\t%{FILEDIGESTS}\n]"
_PATH = "/usr/bin:/bin"
_HEAD = 3
_SUM = 34


class PackageSearch:
    """A search for the owners of files below a root.

    ``found`` maps a path to the package as ``explain`` describes it, and to ``digest``: the name of
    a hash and its value for the packaged file. ``asked`` are the package managers that answered
    for every path; ``missing`` says which did not, and why.
    """

    def __init__(self, root: str, paths: "Iterable[str]", late: "Callable[[], bool]") -> None:
        self.root = root.rstrip("/")
        self.paths = sorted(set(paths))
        self.late = late
        self.found: Owners = {}
        self.asked: list[str] = []
        self.missing: list[str] = []

    def run(self, foreign: bool) -> None:
        """Ask every package manager; ``foreign`` means that the root is not this machine's own."""
        managers = [("dpkg", _dpkg), ("apk", _apk)]
        managers += [("rpm", _rpm_of_others if foreign else _rpm)]
        for name, ask in managers:
            try:
                if ask(self):
                    self.asked.append(name)
            except (OSError, ValueError, IndexError) as error:
                self.missing.append(f"{name} could not be asked for its package: {error}")
        if not self.asked and not self.missing:
            self.missing.append("there is no supported package manager (dpkg, rpm, apk)")


def _is_there(search: PackageSearch, names: "Iterable[str]") -> "list[str]":
    return [name for name in names if Path(f"{search.root}/{name}").exists()]


def aliases_of(path: str) -> "list[str]":
    """Return the paths that a package may list for a file, such as /bin/x before the /usr merge."""
    merged = [path[len("/usr") :] for folder in _MERGED if path.startswith(folder)]
    return [path, *merged]


def _hurry(search: PackageSearch) -> None:
    if search.late():
        raise ValueError("time was up")


def _dpkg(search: PackageSearch) -> bool:
    folder = f"{search.root}/var/lib/dpkg"
    if not _is_there(search, ["var/lib/dpkg/info"]):
        return False
    names = sorted(each.name for each in Path(folder, "info").iterdir())
    lists = [name[: -len(".list")] for name in names if name.endswith(".list")]
    if not lists:
        raise ValueError("its database has no packages")
    moved = _diversions(folder)
    hits = _listed(search, folder, lists, moved)
    status = b"\n\n" + regular_file(folder + "/status") + b"\n\n"
    for path, (package, alias) in hits.items():
        name, _, architecture = package.partition(":")
        digest = None if path in moved else _md5(folder, package, alias)
        search.found[path] = {
            "manager": "dpkg",
            "name": name,
            "version": _version(status, name, architecture),
            "file": alias,
            "installed": int(Path(f"{folder}/info/{package}.list").stat().st_mtime),
            "digest": digest,
        }
    return True


def _listed(
    search: PackageSearch, folder: str, lists: "list[str]", moved: "dict[str, str]"
) -> "dict[str, tuple[str, str]]":
    """Return for each path the package that lists it, and the listed name."""
    wanted = [
        (path, alias, b"\n" + os.fsencode(alias) + b"\n")
        for path in search.paths
        for alias in aliases_of(moved.get(path, path))
    ]
    hits = {}
    for package in lists:
        _hurry(search)
        text = b"\n" + regular_file(f"{folder}/info/{package}.list") + b"\n"
        for path, alias, line in wanted:
            if line in text:
                hits[path] = (package, alias)
    return hits


def _diversions(folder: str) -> "dict[str, str]":
    """Return the packaged name of each file that was moved, by both names (dpkg-divert(1))."""
    try:
        lines = os.fsdecode(regular_file(folder + "/diversions")).split("\n")
    except OSError:
        return {}
    pairs = list(zip(lines[0::3], lines[1::3]))
    return dict([(old, old) for old, _ in pairs] + [(new, old) for old, new in pairs])


def _md5(folder: str, package: str, alias: str) -> "tuple[str, str] | None":
    try:
        sums = b"\n" + regular_file(f"{folder}/info/{package}.md5sums")
    except OSError:
        return None
    before, found, _ = sums.partition(b"  " + os.fsencode(alias.lstrip("/")) + b"\n")
    value = before[-_SUM + 2 :].decode("ascii", "replace")
    return ("md5", value) if found else None


def _version(status: bytes, name: str, architecture: str) -> str:
    """Return the version in the stanza of a package, for an architecture if one is given."""
    mark = b"\n\nPackage: " + name.encode() + b"\n"
    for part in status.split(mark)[1:]:
        stanza = b"\n" + part.partition(b"\n\n")[0] + b"\n"
        if not architecture or b"\nArchitecture: " + architecture.encode() + b"\n" in stanza:
            return (
                stanza.partition(b"\nVersion: ")[2].partition(b"\n")[0].decode("utf-8", "replace")
            )
    return ""


def _apk(search: PackageSearch) -> bool:
    there = _is_there(search, _APK)
    if not there:
        return False
    text = os.fsdecode(regular_file(f"{search.root}/{there[0]}"))
    names = {alias: path for path in search.paths for alias in aliases_of(path)}
    if "P:" not in text:
        raise ValueError("its database has no packages")
    package: dict[str, str] = {}
    file = ""
    for line in text.split("\n"):
        key, _, value = line.partition(":")
        if not line:
            package, file = {}, ""
        elif key in ("P", "V", "F"):
            package[key] = value
        elif key == "R":
            file = f"/{package.get('F', '')}/{value}"
            if file in names:
                found = _of_apk(package, file)
                search.found[names[file]] = found
        elif key == "Z" and file in names:
            search.found[names[file]]["digest"] = _sha1(value)
    return True


def _of_apk(package: "dict[str, str]", file: str) -> "dict[str, object]":
    names = {"name": package.get("P", ""), "version": package.get("V", "")}
    return dict(names, manager="apk", file=file, installed=None, digest=None)


def _sha1(value: str) -> "tuple[str, str] | None":
    """Read a SHA-1 as apk writes it: ``Q1`` and base64."""
    if not value.startswith("Q1"):
        return None
    try:
        return "sha1", base64.b64decode(value[2:]).hex()
    except binascii.Error:
        return None


def _rpm_of_others(search: PackageSearch) -> bool:
    """Refuse a foreign database: our rpm would execute its macros."""
    if _is_there(search, _RPM):
        raise ValueError("rpm's database of another root is not read from outside")
    return False


def _rpm(search: PackageSearch) -> bool:
    places = _is_there(search, _RPM)
    if not any(any(Path(f"{search.root}/{place}").iterdir()) for place in places):
        return False
    program = shutil.which("rpm", path=_PATH)
    if program is None:
        raise ValueError("there is a database, but the program rpm is not installed")
    for path in search.paths:
        _hurry(search)
        found = _asked(program, path)
        if found:
            search.found[path] = found
    return True


def _asked(program: str, path: str) -> "dict[str, object] | None":
    process = subprocess.Popen(  # noqa: S603 - no shell; the path is one argument and starts with /
        [program, "-qf", "--qf", _QUERY, "--", path],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"PATH": _PATH, "LC_ALL": "C"},
    )
    try:
        output, _ = process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        raise ValueError("rpm did not finish in 10 seconds") from None
    finally:
        process.kill()
        process.wait()
    text = os.fsdecode(output[:_RPM_LONGEST])
    if process.returncode == 0:
        return _of_rpm(text, path)
    if "is not owned by any package" in text:
        return None
    raise ValueError(text.strip()[:200] or f"rpm failed with exit code {process.returncode}")


def _of_rpm(text: str, path: str) -> "dict[str, object]":
    lines = [line.split("\t") for line in text.split("\n")]
    if len(lines[0]) != _HEAD:
        raise ValueError("rpm's answer is malformed")
    name, version, installed = lines[0]
    aliases = aliases_of(path)
    values = [fields[1] for fields in lines[1:] if len(fields) > 1 and fields[0] in aliases]
    kinds = {32: "md5", 40: "sha1", 64: "sha256"}
    digest = next(((kinds[len(value)], value) for value in values if len(value) in kinds), None)
    found = {"manager": "rpm", "name": name, "version": version, "file": path}
    return dict(found, installed=int(installed), digest=digest)
