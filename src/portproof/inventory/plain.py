"""Read inventories that need no Ansible: this machine, and plain lists of host names."""

import os
import platform
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from portproof.errors import Code, ContentError, Problem
from portproof.inventory.build import assembled
from portproof.model.hosts import Host, Inventory, is_address

LOCAL: Final = {"ansible_connection": "local", "ansible_host": "localhost"}
"""What makes a host this machine, by Ansible's names for it."""

_LOCAL_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}")
_SYNTAX: Final = re.compile(r"^-|[\s\[\]{}=:;,'\"]")
"""Characters that plain lists never have, but some format of Ansible's inventories does."""

_MOST_BYTES: Final = 16 * 1024 * 1024
_CHUNK: Final = 64 * 1024
"""Bytes of a larger file that suffice to decide whether it is a plain list."""

_MOST_PROBLEMS: Final = 50
_VARIABLES: Final = ("group_vars", "host_vars")


@dataclass(frozen=True, slots=True)
class PlainList:
    """The host names of a source that needs no Ansible, in order."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotPlainList:
    """Why a source is not a plain list; ``line`` and ``column`` are 0 for the whole of it."""

    why: str
    line: int = 0
    column: int = 0


def this_machine() -> Inventory:
    """Return the inventory if none was given: this machine, under its own name."""
    return assembled([Host(platform.node() or "localhost", variables=LOCAL)], "this machine")


def inventory_of(names: Sequence[str], source: str) -> Inventory:
    """Return the inventory of a plain list: hosts without groups or variables, each once."""
    return assembled([_host(name) for name in dict.fromkeys(names)], source)


def _host(name: str) -> Host:
    return Host(name, variables=LOCAL if name in _LOCAL_NAMES else {})


def look_at(source: str) -> PlainList | NotPlainList:
    """Decide whether a source is a plain list: names with commas, or one name per line in a file.

    Variables that Ansible would find for the hosts, such as where they really are, make it one for
    Ansible, however plain it looks.

    Raises:
        ContentError: it cannot be read, names nobody, or is a list with lines that are no names.
    """
    path = Path(source)
    if is_list(source):
        return _look_at_list(source)
    data = _read(path)
    if isinstance(data, NotPlainList):
        return data
    if folder := _variables_near(path.parent, Path()):
        return NotPlainList(f"has variables in {folder}, which only Ansible reads")
    found = _look_at_lines(source, data.removeprefix(b"\xef\xbb\xbf"))
    if isinstance(found, NotPlainList) and not path.is_file():
        raise _wrong(
            str(path),
            "can be read only once (a pipe or device); write the inventory to a file",
            Code.UNREADABLE,
        )
    return found


def is_list(source: str) -> bool:
    """Return whether a source is a list with commas rather than a path, as Ansible decides it."""
    try:
        return "," in source and not Path(source).exists()
    except OSError:  # longer than any path can be
        return True


def is_name(text: str) -> bool:
    """Return whether a text is a host name or an IP address, and nothing else."""
    return _NAME.fullmatch(text) is not None or is_address(text)


def _look_at_list(source: str) -> PlainList | NotPlainList:
    names = [part.strip() for part in source.split(",") if part.strip()]
    odd = [name for name in names if not is_name(name)]
    if not names:
        raise _wrong(source, "names no host", Code.EMPTY)
    if odd:
        return NotPlainList(f"{ascii(odd[0])[:60]} is not just a host name")
    if folder := _variables_near(Path()):
        return NotPlainList(f"there are variables in {folder}, which only Ansible reads")
    return PlainList(tuple(names))


def _variables_near(*folders: Path) -> Path | None:
    near = (folder / name for folder in folders for name in _VARIABLES)
    return next((folder for folder in near if folder.is_dir()), None)


def _read(path: Path) -> bytes | NotPlainList:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return NotPlainList("is a folder")
        with path.open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        text = "does not exist; if it is a host name, add a comma: web1,"
        raise _wrong(str(path), text, Code.UNREADABLE) from None
    except (OSError, ValueError) as error:
        raise _wrong(str(path), f"cannot be read: {error}", Code.UNREADABLE) from None
    if data.startswith(b"#!") or (os.name == "posix" and os.access(path, os.X_OK)):
        return NotPlainList("is a program")
    return data


def _wrong(source: str, text: str, code: Code) -> ContentError:
    return ContentError([Problem.of_file(source, text, code)])


def _look_at_lines(source: str, data: bytes) -> PlainList | NotPlainList:
    if b"\0" in data:
        raise _wrong(source, "is not text", Code.ENCODING)
    too_large = len(data) > _MOST_BYTES
    beginning = data[:_CHUNK].rpartition(b"\n")[0] if too_large else data
    lines = list(_lines(beginning.decode("utf-8", "backslashreplace")))
    for number, column, text in lines:
        if _SYNTAX.search(text) and not is_address(text):
            return NotPlainList(f"{ascii(text)[:60]} is not just a host name", number, column)
    if too_large:
        raise _wrong(source, f"is larger than {_MOST_BYTES >> 20} MiB", Code.TOO_LARGE)
    if not lines:
        raise _wrong(source, "names no host; write one name per line", Code.EMPTY)
    if problems := _odd_names(source, lines):
        raise ContentError(problems)
    return PlainList(tuple(text for _, _, text in lines))


def _odd_names(source: str, lines: Sequence[tuple[int, int, str]]) -> list[Problem]:
    odd = [line for line in lines if not is_name(line[2])]
    problems = [
        Problem(
            source, number, column, "", f"{ascii(text)[:60]} is not a host name", Code.HOST_NAME
        )
        for number, column, text in odd[:_MOST_PROBLEMS]
    ]
    if more := len(odd) - len(problems):
        text = f"{more} more lines are not host names"
        problems.append(Problem.of_file(source, text, Code.HOST_NAME))
    return problems


def _lines(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the number, column and text of every line that holds more than a comment."""
    for number, line in enumerate(text.splitlines(), start=1):
        name = line.partition("#")[0].strip()
        if name:
            yield number, line.index(name) + 1, name
