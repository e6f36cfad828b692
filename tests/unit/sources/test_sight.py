"""Checks that an empty answer proves nothing for, because processes could not be read."""

import pytest

from portproof.model.observation import NAMESPACES_DOUBT, Platform, Reason
from portproof.sources.sight import ProbePlace, Sight, sight_doubts
from portproof.sources.sqltables import Table

COLUMNS = ["pid", "family", "protocol", "state", "local_port", "remote_port"]
OWNED = [7, 2, 6, "LISTEN", 22, 0]
OWNERLESS = [-1, 2, 6, "LISTEN", 22, 0]
CLIENT = [-1, 2, 17, "", 40000, 0]
QUESTIONS = {
    "programs": "SELECT p.path FROM process_open_sockets s JOIN processes p ON p.pid = s.pid",
    "programs#witness": "SELECT 1 FROM processes WHERE path <> ''",
    "names": "SELECT pid FROM processes WHERE name = 'inetd'",
    "ports": "SELECT local_port FROM process_open_sockets",
    "packages": "SELECT name FROM deb_packages",
}


def doubted(sight: Sight, *sockets: list[object]) -> set[str]:
    """The ids of what is in doubt."""
    table = Table(COLUMNS, [list(row) for row in sockets])  # type: ignore[arg-type]
    doubts = sight_doubts(QUESTIONS, Platform.LINUX, table, sight)
    assert {each.reason for each in doubts.values()} <= {Reason.PRIVILEGE, Reason.NO_WITNESS}
    return set(doubts)


def test_nothing_is_in_doubt_where_every_process_could_be_read() -> None:
    """A listener without an owner belongs to the kernel then."""
    assert doubted(Sight(), OWNED, OWNERLESS) == set()


def test_what_processes_hold_and_run_is_in_doubt_where_they_could_not_be_read() -> None:
    """Their names can be read by everybody; packages have nothing to do with them."""
    assert doubted(Sight(hidden=(7,)), OWNED) == {"programs", NAMESPACES_DOUBT}


@pytest.mark.parametrize(("socket", "is_doubted"), [(OWNED, False), (OWNERLESS, True)])
def test_process_1_alone_may_be_hidden_where_every_listener_has_an_owner(
    socket: list[object], *, is_doubted: bool
) -> None:
    """As on machines whose first process is out of reach even for root."""
    assert ("programs" in doubted(Sight(hidden=(1,)), socket)) == is_doubted


def test_in_a_container_with_the_network_of_its_machine_processes_are_out_of_sight() -> None:
    """Names count as well: the machine's processes are not among those that are seen."""
    inside = Sight(place=ProbePlace(process_namespace=True))
    assert doubted(inside, OWNERLESS) == {"programs", "names"}
    assert doubted(inside, OWNED, CLIENT) == set()


@pytest.mark.parametrize(
    ("place", "what"),
    [
        (ProbePlace(user_namespace=True), "user namespace"),
        (ProbePlace(lacks=("CAP_SYS_PTRACE",)), "without CAP_SYS_PTRACE"),
        (ProbePlace(), "security module"),
    ],
)
def test_the_detail_says_what_limits_root(place: ProbePlace, what: str) -> None:
    """And what to do."""
    doubts = sight_doubts(QUESTIONS, Platform.LINUX, None, Sight(hidden=(7, 8), place=place))
    detail = doubts["programs"].detail
    assert detail.startswith("process 7 and 1 more could not be read")
    assert what in detail
    assert "run portproof" in detail
