"""Ask osquery for its identity: version, effective user and the host's network namespace."""

import sys
from typing import Final

from portproof.model.observation import (
    Answer,
    Identity,
    Platform,
    Reason,
    Row,
    Unobserved,
)

IDENTITY: Final = "portproof-identity"
"""The id of the identity question in a round."""

_LONGEST_UID: Final = 10
"""Decimal digits of the largest 32-bit user id."""

_LINUX: Final = (
    "SELECT i.version AS version, p.euid AS euid, '' AS elevated,"
    " (SELECT net_namespace FROM process_namespaces WHERE pid = 1) AS host_namespace"
    " FROM osquery_info AS i LEFT JOIN processes AS p ON p.pid = i.pid"
)
_MACOS: Final = (
    "SELECT i.version AS version, p.euid AS euid, '' AS elevated, '' AS host_namespace"
    " FROM osquery_info AS i LEFT JOIN processes AS p ON p.pid = i.pid"
)
_WINDOWS: Final = (
    "SELECT i.version AS version, '' AS euid, p.elevated_token AS elevated, '' AS host_namespace"
    " FROM osquery_info AS i LEFT JOIN processes AS p ON p.pid = i.pid"
)

IDENTITY_SQL: Final = {
    Platform.LINUX: _LINUX,
    Platform.MACOS: _MACOS,
    Platform.WINDOWS: _WINDOWS,
}


_PLATFORMS: Final = {"darwin": Platform.MACOS, "win32": Platform.WINDOWS}


def this_platform() -> Platform:
    """Return the platform portproof runs on."""
    return _PLATFORMS.get(sys.platform, Platform.LINUX)


def read_identity(source: str, platform: Platform, answer: Answer) -> Identity | Unobserved:
    """Turn the answer to the identity question into an ``Identity``.

    An osquery that cannot say who it is proves nothing, so a missing or odd answer is
    ``Unobserved``.
    """
    if isinstance(answer, Unobserved):
        return answer
    if len(answer.rows) != 1:
        rows = len(answer.rows)
        return Unobserved(Reason.GARBLED, f"{source} described itself in {rows} rows, not one")
    return _identity(source, platform, answer.rows[0])


def _identity(source: str, platform: Platform, row: Row) -> Identity | Unobserved:
    euid = row.get("euid", "")
    if euid and not (euid.isascii() and euid.isdigit() and len(euid) <= _LONGEST_UID):
        return Unobserved(Reason.GARBLED, f"{source} gave an effective user id of {euid[:40]!r}")
    return Identity(
        source=source,
        version=row.get("version", "")[:80],
        platform=platform,
        euid=int(euid) if euid else None,
        elevated={"1": True, "0": False}.get(row.get("elevated", "")),
        host_namespace=(row.get("host_namespace", "") or "0") if platform == "linux" else "",
    )
