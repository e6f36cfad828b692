"""Read the users of a machine. The rows follow osquery (tables/system/users.cpp)."""

import os
import pwd

from .files import as_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .view import Row, View

COLUMNS = "uid gid uid_signed gid_signed username description directory shell uuid".split()


def rows(view: "View") -> "list[Row]":
    """Return the local users, and users of a directory service that own a visible process."""
    entries = pwd.getpwall()
    for uid in sorted(view.uids.difference(entry.pw_uid for entry in entries)):
        try:
            entries.append(pwd.getpwuid(uid))
        except (KeyError, OverflowError):
            continue
    found: list[Row] = []
    for name, _, uid, gid, about, home, shell in entries:
        signed = [number - (1 << 32) if number >> 31 else number for number in (uid, gid)]
        texts = [as_text(os.fsencode(value)) for value in (name, about, home, shell)]
        found.append([uid, gid, *signed, *texts, None])
    return found
