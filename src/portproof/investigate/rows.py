"""Hold osquery's answers about processes: ``sql`` asks for them, ``osquery_processes`` reads them.

Every answer may be missing, and every row may lack columns or be malformed.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Final

from portproof.agent.units import container_of
from portproof.model.observation import Answer, Observed, Platform, Row

MOST_LEVELS: Final = 4
"""How many levels of parents are followed."""

_LONGEST_NUMBER: Final = 18
_NAMESPACES: Final = ("mnt_namespace", "pid_namespace")


def number(text: str | None) -> int | None:
    """Return a whole number as osquery writes it, or None for anything else."""
    told = text or ""
    if not told.isascii() or not told.isdigit() or len(told) > _LONGEST_NUMBER:
        return None
    return int(told)


def level_id(level: int) -> str:
    """Return the id of the question for processes: level 0 was asked about, 1 their parents."""
    return f"why-processes-{level}"


class Rows:
    """The answers of all rounds so far."""

    def __init__(self, platform: Platform, answers: Mapping[str, Answer]) -> None:
        self.platform = platform
        self.answers = answers

    def of(self, name: str) -> tuple[Row, ...]:
        """Return the rows that answered a question; none if it failed."""
        answer = self.answers.get(name)
        return answer.rows if isinstance(answer, Observed) else ()

    def one(self, name: str, column: str, value: str) -> Row | None:
        """Return the first row that answered a question and has a value."""
        return next((row for row in self.of(name) if row.get(column) == value), None)

    @cached_property
    def asked(self) -> dict[int, Row]:
        """The processes that are asked about."""
        return self.level(0)

    def level(self, level: int) -> dict[int, Row]:
        """Return the processes of one level, by their numbers."""
        rows = ((number(row.get("pid")), row) for row in self.of(level_id(level)))
        return {pid: row for pid, row in rows if pid is not None}

    @property
    def last_level(self) -> int:
        """The last level of processes that was asked for."""
        return sum(name.startswith("why-processes-") for name in self.answers) - 1

    @cached_property
    def everyone(self) -> dict[int, Row]:
        """The processes of all levels."""
        levels = [self.level(level) for level in range(self.last_level + 1)]
        return {pid: row for each in reversed(levels) for pid, row in each.items()}

    def unknown_parents(self, level: int) -> set[int]:
        """Return parents of a level's processes that were not asked for yet."""
        parents = {number(row.get("parent")) for row in self.level(level).values()}
        return {parent for parent in parents if parent} - self.everyone.keys()

    @cached_property
    def groups(self) -> dict[int, str]:
        """The control group of each process, written as a line of ``/proc/PID/cgroup``."""
        rows = ((number(row.get("pid")), row.get("cgroup_path")) for row in self.of("why-cgroups"))
        return {pid: f"0::{path}" for pid, path in rows if pid is not None and path}

    def container(self, pid: int) -> dict[str, str] | None:
        """Return the container of a process, or None if there is none or it is unknown."""
        found = container_of(self.groups.get(pid, ""))
        if found is None and self._own_namespaces(pid):
            return {"runtime": "an unknown runtime", "id": ""}
        return found

    def _own_namespaces(self, pid: int) -> bool | None:
        """Return whether a process has its own files and processes, or None if unknown."""
        first, own = (self.one("why-namespaces", "pid", str(each)) for each in (1, pid))
        if first is None or own is None:
            return None
        pairs = [(first.get(name), own.get(name)) for name in _NAMESPACES]
        if any(each in ("", "0", None) for pair in pairs for each in pair):
            return None
        return all(one != other for one, other in pairs)

    def on_host(self, pid: int) -> bool | None:
        """Return whether a process sees the host's files, or None if unknown."""
        if self.platform is not Platform.LINUX:
            return True
        if self.container(pid) is not None:
            return False
        known = pid in self.groups or self._own_namespaces(pid) is not None
        return True if known else None

    def paths(self) -> list[str]:
        """Return the executables that are the host's own files."""
        found = {row.get("path", "") for pid, row in self.asked.items() if self.on_host(pid)}
        return sorted(found - {""})

    def is_on_disk(self, path: str) -> bool:
        """Return whether every process of an executable still runs the file that is there."""
        rows = [row for row in self.asked.values() if row.get("path") == path]
        return all(row.get("on_disk") == "1" for row in rows)
