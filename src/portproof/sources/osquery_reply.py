"""Turn what osquery answered to a ``QueryPlan`` into the reply of a source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from msgspec import structs

from portproof.model.observation import (
    LISTENING_SOCKETS,
    NAMESPACES_DOUBT,
    UDP_DOUBT,
    Answer,
    Identity,
    Observed,
    Platform,
    Reason,
    SourceReply,
    Unobserved,
)
from portproof.sources import osquery_tables as rows
from portproof.sources.osquery_plan import (
    AGAIN,
    HOLDERS,
    LISTENING,
    PROCESSES,
    READ_MAX,
    SOCKETS,
    QueryPlan,
    table_id,
)
from portproof.sources.own import NOTHING_OWN, Own
from portproof.sources.snapshot import Snapshot, answers_from
from portproof.sources.sqltables import Table

_READ_MAX: Final = 50 << 20
"""Bytes of a file that osquery reads by default (its flag ``read_max``)."""

_NOT_ASKED: Final = Unobserved(Reason.TIMEOUT, "osquery was not asked this; the time was over")


@dataclass(frozen=True, slots=True)
class Beside:
    """Tables that portproof read by itself on the same machine, after osquery answered.

    ``agent`` is the hash of what read them, or empty if nothing was read.
    """

    tables: Mapping[str, Table] = field(default_factory=dict)
    missing: Mapping[str, Unobserved] = field(default_factory=dict)
    agent: str = ""


_NONE: Final = Beside()


def reply_to(  # noqa: PLR0913 - all that one reply is made of
    plan: QueryPlan,
    identity: Identity,
    told: Mapping[str, Answer],
    deadline: float,
    *,
    incomplete: Sequence[str] = (),
    beside: Beside = _NONE,
    own: Own = NOTHING_OWN,
) -> SourceReply:
    """Return the reply of a source.

    Args:
        plan: What was asked.
        identity: Who answered.
        told: The answers by the ids of the plan; one that is missing was not asked for.
        deadline: When the questions must have been answered, on the clock of ``time.monotonic``.
        incomplete: What osquery says that it could not read.
        beside: Tables that were read otherwise.
        own: What portproof has on the machine, left out for checks.
    """
    asked = {name: told.get(name, _NOT_ASKED) for name in _asked(plan)}
    identity = structs.replace(identity, agent=beside.agent or identity.agent)
    warnings = tuple(dict.fromkeys(incomplete))
    if not plan.takes_snapshot:
        return SourceReply(identity, asked, warnings)
    seen = _snapshot(plan, told, beside, own)
    answers = answers_from(seen.snapshot, plan.answered, deadline)
    answers[LISTENING_SOCKETS] = _listening(plan, seen, answers[LISTENING_SOCKETS], deadline)
    return SourceReply(identity, asked | answers, warnings, _doubts(plan, seen))


def _asked(plan: QueryPlan) -> list[str]:
    first = [] if plan.takes_snapshot else [*plan.first]
    return [*first, *plan.direct, *plan.aside]


@dataclass(frozen=True, slots=True)
class _Seen:
    """A snapshot, and why it does not have everything; None where it does."""

    snapshot: Snapshot
    owners: Unobserved | None
    paths: Unobserved | None
    udp: Unobserved | None
    namespaces: Unobserved | None


def _snapshot(plan: QueryPlan, told: Mapping[str, Answer], beside: Beside, own: Own) -> _Seen:
    tables = _tables(plan, told, beside)
    found = {name: table for name, table in tables.items() if isinstance(table, Table)}
    missing = {name: table for name, table in tables.items() if isinstance(table, Unobserved)}
    is_linux = plan.platform is Platform.LINUX
    readings = _readings(plan, found, told, beside) if is_linux else []
    for reading in readings[1:]:
        found[SOCKETS] = rows.joined(found[SOCKETS], reading)
    paths = _paths_doubt(found)
    holders = _holders(plan, found, told, beside)
    owners = _all_holders(found, holders) if is_linux else None
    namespaces = _namespaces_doubt(told.get(READ_MAX, _NOT_ASKED)) if is_linux else None
    snapshot = Snapshot(plan.platform, found, missing, own)
    return _Seen(snapshot, paths or owners, paths, _udp_doubt(readings), namespaces)


def _tables(
    plan: QueryPlan, told: Mapping[str, Answer], beside: Beside
) -> dict[str, Table | Unobserved]:
    tables: dict[str, Table | Unobserved] = {}
    for name, columns in plan.columns.items():
        answer = told.get(table_id(name), _NOT_ASKED)
        if table_id(name) not in plan.first:
            tables[name] = beside.tables.get(name) or beside.missing.get(name, _NOT_ASKED)
        elif isinstance(answer, Unobserved):
            tables[name] = answer
        else:
            tables[name] = rows.table_of(plan.platform, name, columns, answer)
    return tables


def _readings(
    plan: QueryPlan, found: Mapping[str, Table], told: Mapping[str, Answer], beside: Beside
) -> list[Table]:
    """Return the tables of sockets in the order in which they were read, all with one shape."""
    if SOCKETS not in found or not found[SOCKETS].rows:
        return []  # an osquery that lists nothing is of no use, and is not made up for
    again = told.get(AGAIN, _NOT_ASKED)
    last: Table | Unobserved = (
        rows.table_of(plan.platform, SOCKETS, plan.columns[SOCKETS], again)
        if isinstance(again, Observed)
        else again
    )
    mine = beside.tables.get(SOCKETS)
    further = [last, mine and rows.shaped(mine, found[SOCKETS].columns)]
    return [found[SOCKETS], *(each for each in further if isinstance(each, Table))]


def _holders(
    plan: QueryPlan, found: Mapping[str, Table], told: Mapping[str, Answer], beside: Beside
) -> rows.Holders | Unobserved:
    """Return who holds sockets: as portproof read it, or where it did not, as osquery says."""
    if SOCKETS not in found:
        return _NOT_ASKED
    if HOLDERS in plan.first:
        holders = rows.holders_of(told.get(HOLDERS, _NOT_ASKED))
    elif SOCKETS in beside.tables:
        holders = rows.holders_in(beside.tables[SOCKETS])
    else:
        return beside.missing.get(SOCKETS, _NOT_ASKED)
    if isinstance(holders, Unobserved):
        return holders
    return rows.confirmed(holders, found[SOCKETS], found.get(PROCESSES))


def _all_holders(found: dict[str, Table], holders: rows.Holders | Unobserved) -> Unobserved | None:
    """Add every holder to the tables of sockets; return why some may be missing, or None."""
    if SOCKETS not in found:
        return None
    for name in (SOCKETS, LISTENING):
        if isinstance(holders, Unobserved):
            break
        if name in found:
            table = rows.with_holders(found[name], holders)
            if isinstance(table, Unobserved):
                holders = table
            else:
                found[name] = table
    if not isinstance(holders, Unobserved):
        return None
    text = f"not every process that holds a socket is known: {holders.detail}"
    return Unobserved(Reason.PARTIAL, text)


def _paths_doubt(found: Mapping[str, Table]) -> Unobserved | None:
    count = rows.blind(found[PROCESSES]) if PROCESSES in found else 0
    if not count:
        return None
    text = (
        f"{count} processes hide their files even from root, so not every process that holds a"
        " socket is known; give the collector the capability CAP_SYS_PTRACE"
    )
    return Unobserved(Reason.PRIVILEGE, text)


def _udp_doubt(readings: Sequence[Table]) -> Unobserved | None:
    count = rows.lost(readings)
    if not count:
        return None
    text = f"{count} UDP sockets are missing from one of {len(readings)} readings, so others may be"
    return Unobserved(Reason.PARTIAL, text)


def _namespaces_doubt(answer: Answer) -> Unobserved | None:
    """Return why osquery may have passed over the sockets of a container.

    Those of the host's own namespace are vouched for by witnesses.
    """
    value = answer.rows[0].get("value", "") if isinstance(answer, Observed) and answer.rows else ""
    if value.isascii() and value.isdigit() and int(value[:19]) >= _READ_MAX:
        return None
    known = f"is {value[:19]}" if value else "is not known"
    text = (
        f"osquery's read_max {known}, and it passes over a longer list of sockets; set"
        f" --read_max={_READ_MAX} or more"
    )
    return Unobserved(Reason.PARTIAL, text)


def _listening(plan: QueryPlan, seen: _Seen, answer: Answer, deadline: float) -> Answer:
    """Return the listening sockets also without tables that only tell of their owners."""
    if isinstance(answer, Unobserved) and SOCKETS not in seen.snapshot.missing:
        known = seen.snapshot
        spare = {name: Table(list(plan.columns[name]), []) for name in known.missing}
        whole = Snapshot(known.platform, {**known.tables, **spare}, own=known.own)
        asked = {LISTENING_SOCKETS: plan.answered[LISTENING_SOCKETS]}
        answer = answers_from(whole, asked, deadline)[LISTENING_SOCKETS]
    return answer if seen.owners is None else rows.with_unknown_owners(answer)


def _doubts(plan: QueryPlan, seen: _Seen) -> dict[str, Unobserved]:
    by_check = {
        **({} if seen.owners is None else dict.fromkeys(sorted(plan.about_owners), seen.owners)),
        **({} if seen.paths is None else dict.fromkeys(sorted(plan.about_paths), seen.paths)),
    }
    parts = {UDP_DOUBT: seen.udp, NAMESPACES_DOUBT: seen.namespaces}
    return by_check | {name: doubt for name, doubt in parts.items() if doubt is not None}
