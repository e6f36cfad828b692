"""Answer all questions from one snapshot of a machine's tables, whichever source read them.

Every table is read once. The questions are answered by SQLite over that one copy, so that all
answers are of one moment and of one meaning for every source.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from portproof.model.observation import Answer, Platform, Unobserved
from portproof.sources.own import (
    NOTHING_OWN,
    Own,
    columns_needed,
    sees_own,
    without_own,
)
from portproof.sources.sqltables import Database, Table, columns_read

_MOST_ROWS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The tables of one machine at one moment.

    ``missing`` says why a table, or a column as ``table.column``, could not be read. ``own`` is
    what portproof has on the machine; its rows are left out of what checks are answered from.
    """

    platform: Platform
    tables: Mapping[str, Table]
    missing: Mapping[str, Unobserved] = field(default_factory=dict)
    own: Own = NOTHING_OWN


def columns_wanted(questions: Mapping[str, str], platform: Platform) -> dict[str, frozenset[str]]:
    """Return the tables that the questions read, and which columns of each.

    Among them are those that tell which rows are portproof's own. A question that cannot be asked
    at all needs nothing read; its answer will say so.
    """
    wanted: dict[str, frozenset[str]] = {}
    for sql in questions.values():
        read = columns_read(sql, platform)
        if not isinstance(read, Unobserved):
            wanted |= {name: wanted.get(name, frozenset()) | read[name] for name in read}
    return {name: read.union(columns_needed(name)) for name, read in wanted.items()}


def answers_from(
    snapshot: Snapshot, questions: Mapping[str, str], deadline: float
) -> dict[str, Answer]:
    """Answer every question by its id; ``deadline`` is of ``time.monotonic``."""
    own = snapshot.own
    whole = {name: sql for name, sql in questions.items() if _sees_own(snapshot, name, sql)}
    checks = {name: sql for name, sql in questions.items() if name not in whole}
    told = _told(snapshot, whole, deadline)
    if checks:
        others = without_own(snapshot.tables, own)
        told |= _told(replace(snapshot, tables=others), checks, deadline)
    return {name: told[name] for name in questions}


def _sees_own(snapshot: Snapshot, name: str, sql: str) -> bool:
    read = columns_read(sql, snapshot.platform)
    tables = () if isinstance(read, Unobserved) else read
    return snapshot.own == NOTHING_OWN or sees_own(name, tables)


def _told(snapshot: Snapshot, questions: Mapping[str, str], deadline: float) -> dict[str, Answer]:
    with Database(snapshot.platform, snapshot.tables) as database:
        told = {sql: _answer(snapshot, database, sql, deadline) for sql in questions.values()}
    return {name: told[sql] for name, sql in questions.items()}


def _answer(snapshot: Snapshot, database: Database, sql: str, deadline: float) -> Answer:
    read = columns_read(sql, snapshot.platform)
    if isinstance(read, Unobserved):
        return read
    names = sorted({*read, *(f"{name}.{column}" for name in read for column in read[name])})
    lacking = next((snapshot.missing[name] for name in names if name in snapshot.missing), None)
    if lacking is not None:
        return lacking
    return database.answer(sql, max(0.0, deadline - time.monotonic()), _MOST_ROWS)
