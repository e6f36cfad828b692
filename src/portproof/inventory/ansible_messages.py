"""Turn what ``ansible-inventory`` writes to standard error into problems and warnings.

Two forms exist. Up to ansible-core 2.18 texts are wrapped at the terminal's width and places read
"The error appears to be in 'FILE': line 3, column 5"; from 2.19 on they are not wrapped, and places
read "Origin: FILE:3:5". The lines of the file that follow a place are left out: they may hold
passwords.
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from portproof.errors import Code, Problem
from portproof.text.visible import shortened, visible

_ENTRY: Final = re.compile(
    r"^(?:\[(WARNING|ERROR|DEPRECATION WARNING)\]: |(ERROR)! )", re.MULTILINE
)
_REST: Final = re.compile(
    r"\n\s*\n|\nOrigin: |<<<\s+caused\s+by|The\s+error\s+appears\s+to\s+be"
    r"|The\s+offending\s+line"
)
_WRAPPED: Final = re.compile(r"(?<=\w-)\n(?=\S)|(?<=^\S{79})\n(?=\S)", re.MULTILINE)
"""Where a word was broken: after a hyphen, or because no line is long enough for it."""

_ORIGIN: Final = re.compile(
    r"^Origin: (?P<file>/.+?)(?::(?P<line>\d+):(?P<column>\d+))?$", re.MULTILINE
)
_PLUGIN_ORIGIN: Final = re.compile(r"^Origin: <inventory .*?'(?P<file>/[^']+)'>$", re.MULTILINE)
_OLD_PLACE: Final = re.compile(
    r"appears to be in\s+'(?P<file>[^']+)':\s+line\s+(?P<line>\d+),\s+column\s+(?P<column>\d+)"
)
_OLD_MAPPING: Final = re.compile(
    r"mapping from (?P<file>/.+?), line (?P<line>\d+), column (?P<column>\d+), found"
)
_OLD_LINE: Final = re.compile(r"^(?P<file>/.+?):(?P<line>\d+): ")
_OLD_PARSE: Final = re.compile(r"\* Failed to parse (?P<file>/.+?) with (?P<by>\w+) plugin: (.*)")
_NEW_PARSE: Final = re.compile(r"Failed to parse inventory with '(?P<by>[\w.]+)' plugin[:.] ?(.*)")
_SOURCE: Final = re.compile(r"inventory source (?P<file>/.+)")
_SCRIPT: Final = re.compile(r"Standard error from inventory script:\n(.*)", re.DOTALL)
_NOISE: Final = re.compile(
    r"no root 'plugin' key found|not YAML inventory|ending in ':' is not allowed"
)
"""What plugins say of a file that is not in their format."""

_LOST: Final = re.compile(
    r"^Skipping (?:unexpected )?key|is not a valid group definition|duplicate (?:dict|mapping) key"
)
"""Warnings of Ansible's YAML and TOML plugins after which hosts are missing."""

_IDLE: Final = re.compile(r"^Invalid characters were found in group names")
"""Groups keep their names in any case."""

_VARIABLES: Final = re.compile(r"/(?:group|host)_vars/")
_LONGEST: Final = 600
_ADVICE: Final = (
    (
        r"EOF|prompt",
        "portproof never asks for vault passwords: name a file or script that has them",
    ),
    (r"no vault secrets found", "give --vault-password-file or --vault-id"),
    (r"Decryption failed", "check what --vault-password-file and --vault-id give"),
    (r"locale", "set LC_ALL=C.UTF-8"),
    (r"unknown plugin", "install the plugin's collection for this Ansible"),
    (
        r"Completely failed",
        "Ansible ignores files whose names end in its setting INVENTORY_IGNORE_EXTS",
    ),
)


@dataclass(frozen=True, slots=True)
class AnsibleMessage:
    """One message of Ansible's: its severity, plugin, file and text."""

    grave: bool
    plugin: str
    file: str
    line: int
    column: int
    text: str


def read_complaints(errors: str) -> list[AnsibleMessage]:
    """Split standard error into messages, in order."""
    errors = _WRAPPED.sub("", errors)
    entries = [*_ENTRY.finditer(errors)]
    ends = [*(entry.start() for entry in entries[1:]), len(errors)]
    return [
        _read(entry[1] or entry[2], errors[entry.end() : end])
        for entry, end in zip(entries, ends, strict=False)
        if entry[1] != "DEPRECATION WARNING"
    ]


def _read(kind: str, entry: str) -> AnsibleMessage:
    text = " ".join(_REST.split(entry, maxsplit=1)[0].split())
    old, new = _OLD_PARSE.search(text), _NEW_PARSE.search(text)
    failed = old or new
    place = _place(entry)
    if old and not place:
        place = {"file": old["file"]}
    if failed:
        text = failed.groups()[-1].removeprefix("Failed to parse inventory: ")
    if line := _OLD_LINE.match(text):
        place, text = line.groupdict(), text[line.end() :]
    if script := _SCRIPT.search(entry):
        text = f"{text} {' '.join(script[1].split())}"
    return AnsibleMessage(
        grave=kind == "ERROR",
        plugin=failed["by"] if failed else "",
        file=place.get("file") or "",
        line=int(place.get("line") or 0),
        column=int(place.get("column") or bool(place.get("line"))),
        text=shortened(visible(text), _LONGEST),
    )


def _place(entry: str) -> dict[str, str]:
    """Return the innermost place, which is the last one in the message, or nothing."""
    line = " ".join(entry.split())
    for pattern in (_ORIGIN, _PLUGIN_ORIGIN, _OLD_PLACE, _OLD_MAPPING, _SOURCE):
        text = entry if pattern in (_ORIGIN, _PLUGIN_ORIGIN) else line
        if places := [*pattern.finditer(text)]:
            return places[-1].groupdict()
    return {}


def problems(complaints: Sequence[AnsibleMessage], sources: Sequence[str]) -> list[Problem]:
    """Return what made the program fail.

    Every plugin says why it could not read a file; those not meant for the file are left out.
    """
    failed = [complaint for complaint in complaints if complaint.plugin]
    scripts = [complaint for complaint in failed if complaint.plugin.endswith("script")]
    told = scripts or [each for each in failed if not _NOISE.search(each.text)] or failed
    told = told or [complaint for complaint in complaints if complaint.grave]
    return [_problem(complaint, sources) for complaint in _placed(told)]


def losses(complaints: Iterable[AnsibleMessage], sources: Sequence[str]) -> list[Problem]:
    """Return what Ansible skipped with a warning although hosts may be missing because of it."""
    return [_problem(complaint, sources) for complaint in complaints if _is_loss(complaint)]


def warnings(complaints: Iterable[AnsibleMessage]) -> tuple[str, ...]:
    """Return Ansible's other warnings, each once."""
    others = (each for each in complaints if not (each.grave or _is_loss(each)))
    told = dict.fromkeys(each.text for each in others if not _IDLE.search(each.text))
    return tuple(f"Ansible: {text}" for text in told)


def _is_loss(complaint: AnsibleMessage) -> bool:
    return bool(_LOST.search(complaint.text)) and not _VARIABLES.search(complaint.file)


def _placed(complaints: Sequence[AnsibleMessage]) -> Iterator[AnsibleMessage]:
    """Leave out messages that are repeated without a line."""
    with_line = {complaint.text for complaint in complaints if complaint.line}
    return (each for each in complaints if each.line or each.text not in with_line)


def _problem(complaint: AnsibleMessage, sources: Sequence[str]) -> Problem:
    advice = [more for pattern, more in _ADVICE if re.search(pattern, complaint.text)]
    file = as_written(complaint.file, sources)
    if complaint.plugin and file != complaint.file and file not in sources:
        advice.append(_advice_in_folder(file))
    text = "; ".join((complaint.text.rstrip("."), *advice[:1]))
    return Problem(file, complaint.line, complaint.column, "", f"Ansible: {text}", Code.ANSIBLE)


def _advice_in_folder(file: str) -> str:
    """Return how to leave out a file of an inventory folder that is no inventory."""
    end = re.escape(os.path.splitext(file)[1] or os.path.basename(file))  # noqa: PTH119, PTH122 - text as Ansible wrote it
    pattern = visible(end.replace("'", "."))
    return (
        f"if it is no inventory, leave it out: ignore_patterns = {pattern}$ in the [inventory]"
        f" section of ansible.cfg, or ANSIBLE_INVENTORY_IGNORE_REGEX='{pattern}$'"
    )


def as_written(file: str, sources: Sequence[str]) -> str:
    """Return a file that Ansible names by its full path as the user wrote it."""
    for source in sources:
        full = os.path.abspath(source)  # noqa: PTH100 - resolve() follows links, Ansible does not
        if file == full or file.startswith(full + os.sep):
            return source + file.removeprefix(full)
    return file or ", ".join(sources)
