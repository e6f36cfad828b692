"""What is added to the answer about listening sockets from the probe's table of details."""

from collections.abc import Sequence

from portproof.model.observation import LISTENING_SOCKETS, Observed, Platform, Reason, Unobserved
from portproof.sources.probe import wanted
from portproof.sources.socket_details import TABLE, with_details
from portproof.sources.sqltables import Table

COLUMNS = [
    "socket",
    "protocol",
    "local_address",
    "local_port",
    "v6only",
    "device",
    "uid",
    "net_namespace",
]
ROW = {"socket": "9", "protocol": "6", "address": "::", "port": "609", "net_namespace": "10"}
DETAILS: list[str | int | None] = [9, 6, "::", 609, 1, 0, 33, "10"]
USERS = Table(["uid", "username"], [[33, "www-data"], [0, "root"], [0, "toor"]])


def told(*details: list[str | int | None], columns: Sequence[str] = COLUMNS) -> dict[str, str]:
    """The row of the answer, after the details were added."""
    tables = {TABLE: Table([*columns], [*details]), "users": USERS}
    answer = with_details(Observed((ROW,), 1), tables)
    assert isinstance(answer, Observed)
    (row,) = answer.rows
    return row


def test_details_of_the_same_socket_are_added() -> None:
    """They come with the name of the user."""
    added = {"v6only": "1", "device": "0", "socket_uid": "33", "socket_user": "www-data"}
    assert told(DETAILS) == ROW | added


def test_what_is_not_known_stays_unknown() -> None:
    """As of a kernel that does not tell it, and a user with two names or none."""
    row = told([9, 6, "::", 609, None, 0, 0, "10"])
    assert (row["v6only"], row["socket_user"]) == ("", "")
    assert told([9, 6, "::", 609, 1, 0, 44, "10"])["socket_user"] == ""


def test_details_of_another_socket_are_not_added() -> None:
    """Inode, protocol, address, port and namespace must be the same."""
    other: list[str | int | None] = [8, 17, "::1", 610, 1, 0, 33, "11"]
    for place in (0, 1, 2, 3):
        details = [*DETAILS]
        details[place] = other[place]
        assert told(details) == ROW
    assert told([*DETAILS[:-1], "11"]) == ROW


def test_details_that_contradict_each_other_are_not_added() -> None:
    """One of them is wrong."""
    assert told(DETAILS, [9, 6, "::", 609, 0, 0, 33, "10"]) == ROW
    assert told(DETAILS, DETAILS)["v6only"] == "1"


def test_details_of_another_shape_are_not_added() -> None:
    """A host may send anything."""
    assert told(DETAILS[:-1]) == ROW
    assert told(DETAILS[:-1], columns=COLUMNS[:-1]) == ROW


def test_an_answer_without_rows_stays() -> None:
    """As where the question could not be answered, or the source has no details."""
    failed = Unobserved(Reason.TIMEOUT, "late")
    assert with_details(failed, {TABLE: Table([*COLUMNS], [DETAILS])}) == failed
    assert with_details(Observed((ROW,), 1), {}) == Observed((ROW,), 1)


def test_details_are_asked_for_with_the_listening_sockets_of_linux() -> None:
    """They are part of no other answer."""
    sql = "SELECT pid FROM processes"
    assert TABLE in wanted({LISTENING_SOCKETS: sql}, Platform.LINUX)
    assert TABLE not in wanted({LISTENING_SOCKETS: sql}, Platform.MACOS)
    assert TABLE not in wanted({"other": sql}, Platform.LINUX)
