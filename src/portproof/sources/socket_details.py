"""What the probe knows of listening sockets that osquery's tables have no column for.

The probe tells it in a table of its own, which no check can ask for. From there it is added to the
answer about the listening sockets, in these columns; a source that cannot tell it leaves them out.

    v6only        1 if an IPv6 socket does not serve IPv4, 0 if it does
    device        the number of the interface it is bound to; 0 for none, 1 for loopback
    socket_uid    the user who opened the socket
    socket_user   that user's name, if there is only one
"""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from portproof.model.observation import LISTENING_SOCKETS, Answer, Observed, Platform, Row
from portproof.sources.sqltables import Table

TABLE: Final = "socket_details"

_KEY: Final = ("socket", "protocol", "address", "port", "net_namespace")
_KEY_COLUMNS: Final = ("socket", "protocol", "local_address", "local_port", "net_namespace")
_DETAILS: Final = ("v6only", "device", "uid")

_Details = Mapping[tuple[str, ...], Row]


def tables_needed(questions: Mapping[str, str], platform: Platform) -> list[str]:
    """Return the tables to ask the probe for besides those that the questions read."""
    asked = LISTENING_SOCKETS in questions and platform is Platform.LINUX
    return [TABLE] if asked else []


def with_details(answer: Answer, tables: Mapping[str, Table]) -> Answer:
    """Return the answer about the listening sockets with what else is known of each."""
    if isinstance(answer, Observed) and TABLE in tables:
        details = _details(tables)
        rows = tuple({**row, **details.get(_key(row), {})} for row in answer.rows)
        return msgspec.structs.replace(answer, rows=rows)
    return answer


def _key(row: Row) -> tuple[str, ...]:
    return tuple(row.get(column, "") for column in _KEY)


def _details(tables: Mapping[str, Table]) -> _Details:
    """Return what is known of each socket; nothing of one that is told in two ways."""
    users = _users(tables)
    found: dict[tuple[str, ...], Row] = {}
    for key, v6only, device, uid in _told(tables[TABLE]):
        row = {"v6only": v6only, "device": device, "socket_uid": uid}
        row["socket_user"] = users.get(uid, "")
        found[key] = row if found.get(key, row) == row else {}
    return found


def _told(table: Table) -> Iterator[tuple[tuple[str, ...], str, str, str]]:
    wanted = (*_KEY_COLUMNS, *_DETAILS)
    if not set(table.columns).issuperset(wanted):
        return
    places = [table.columns.index(column) for column in wanted]
    for row in table.rows:
        if len(row) == len(table.columns):
            *key, v6only, device, uid = [_text(row[place]) for place in places]
            yield tuple(key), v6only, device, uid


def _users(tables: Mapping[str, Table]) -> dict[str, str]:
    """Return the name of each user id that has only one."""
    table = tables.get("users")
    if table is None or not {"uid", "username"}.issubset(table.columns):
        return {}
    uid, name = table.columns.index("uid"), table.columns.index("username")
    users: dict[str, str] = {}
    for row in table.rows:
        if len(row) == len(table.columns):
            told = _text(row[name])
            users[_text(row[uid])] = told if users.get(_text(row[uid]), told) == told else ""
    return users


def _text(value: str | int | None) -> str:
    return "" if value is None else str(value)
