"""The question that port rules are judged on: what it leaves out is known not to listen."""

from itertools import product

import yaml

from portproof.judge.listeners import normalise
from portproof.model.observation import LISTENING_SOCKETS, Identity, Platform
from support.for_each import for_each
from support.paths import ROOT
from support.standins.schema import Value, database, run

SQL = yaml.safe_load((ROOT / "checks" / f"{LISTENING_SOCKETS}.yml").read_text())["sql"]
_EVERYWHERE = (
    "ESTABLISHED SYN_SENT FIN_WAIT1 FIN_WAIT2 TIME_WAIT CLOSED CLOSE_WAIT LAST_ACK CLOSING"
)
QUIET = {
    Platform.LINUX: f"{_EVERYWHERE} SYN_RECV",
    Platform.MACOS: f"{_EVERYWHERE} SYN_RECV",
    Platform.WINDOWS: f"{_EVERYWHERE} SYN_RCVD DELETE_TCB",
}
"""Every state but LISTEN and those nobody knows, as osquery 5 names them: ``linux/proc.cpp``,
``darwin/process_open_descriptors.cpp`` and ``windows/process_open_sockets.cpp``."""
Socket = dict[str, Value]
TCP: Socket = {
    "pid": 7,
    "family": 2,
    "protocol": 6,
    "local_address": "0.0.0.0",
    "local_port": 609,
    "remote_port": 0,
    "state": "LISTEN",
    "net_namespace": "1",
}
WHATEVER: dict[str, tuple[Value, ...]] = {
    "family": (None, 0, 1, 2, 10, 17, 23, 99),
    "protocol": (None, 0, 1, 6, 17, 58, 132, 136, 255),
    "local_port": (None, -1, 0, 609, 65536),
    "remote_port": (None, -1, 0, 53, 65536),
    "state": (None, "", "LISTEN", "listen", "ESTABLISHED", "UNKNOWN"),
}
UDP: Socket = TCP | {"protocol": 17, "state": ""}


def answered(platform: Platform, *sockets: Socket) -> list[dict[str, str]]:
    """The rows that the question has of a host with these sockets, as osquery's text."""
    bare = {} if platform is Platform.LINUX else {"net_namespace": None}
    connection = database({"process_open_sockets": [each | bare for each in sockets]})
    try:
        return list(run(connection, SQL[platform]))
    finally:
        connection.close()


def as_text(socket: Socket) -> dict[str, str]:
    """A socket as the row that it is where nothing is left out."""
    told = {name.removeprefix("local_"): value for name, value in socket.items()}
    return {name: "" if value is None else str(value) for name, value in told.items()}


def judged(platform: Platform, rows: list[dict[str, str]]) -> tuple[int, int, int]:
    """How many listeners, rows that make no sense and rows without a state the normaliser sees."""
    identity = Identity(
        source="osqueryi", version="5", platform=platform, euid=0, host_namespace="1"
    )
    found = normalise(rows, identity)
    return len(found.listeners), len(found.garbled), len(found.stateless)


@for_each("platform", Platform)
@for_each("state", ["UNKNOWN", "", None, "listen", "Listen", " LISTEN", "NONE", "10"])
def test_a_tcp_socket_whose_state_says_nothing_is_told(platform: Platform, state: Value) -> None:
    """It may listen: the answer has it, and the normaliser cannot tell its state."""
    assert judged(platform, answered(platform, TCP | {"state": state})) == (0, 0, 1)


@for_each("platform", Platform)
@for_each("socket", [TCP, UDP], ids=["tcp", "udp"])
@for_each(
    "odd",
    [
        {"family": None},
        {"family": 0},
        {"protocol": None},
        {"protocol": 0},
        {"protocol": 132},
        {"local_port": None},
        {"local_port": -1},
        {"local_port": 65536},
    ],
    ids=str,
)
def test_a_socket_that_makes_no_sense_is_told(
    platform: Platform, socket: Socket, odd: Socket
) -> None:
    """Whatever it is, it is not known not to listen."""
    assert judged(platform, answered(platform, socket | odd)) == (0, 1, 0)


@for_each("platform", Platform)
@for_each("port", [-1, 65536])
def test_a_udp_socket_with_an_impossible_remote_port_is_told(platform: Platform, port: int) -> None:
    """It is not known to be connected."""
    assert judged(platform, answered(platform, UDP | {"remote_port": port})) == (0, 1, 0)


@for_each("platform", Platform)
@for_each(
    "socket",
    [
        TCP,
        TCP | {"remote_port": None},
        TCP | {"family": 10, "local_address": "::"},
        UDP,
        UDP | {"remote_port": None},
        UDP | {"state": None},
    ],
    ids=str,
)
def test_a_listener_is_told(platform: Platform, socket: Socket) -> None:
    """A UDP socket without a remote port is not known to be connected."""
    assert judged(platform, answered(platform, socket)) == (1, 0, 0)


@for_each(
    ("platform", "state"),
    [(platform, state) for platform, states in QUIET.items() for state in states.split()],
)
def test_a_socket_in_a_state_that_does_not_listen_is_left_out(
    platform: Platform, state: str
) -> None:
    """A busy host has thousands of them, and one that came through must mean nothing either."""
    assert not answered(platform, TCP | {"state": state, "remote_port": 50000})
    row = {"family": "2", "protocol": "6", "address": "10.0.0.1", "port": "609", "state": state}
    assert judged(platform, [row]) == (0, 0, 0)


@for_each("platform", Platform)
@for_each(
    "socket",
    [
        UDP | {"remote_port": 53},
        UDP | {"local_port": 0},
        TCP | {"local_port": 0, "state": "CLOSED"},
        {"family": 1, "protocol": 0, "local_port": 0, "state": ""},
        {"family": 1, "protocol": 0, "local_port": None, "state": None},
        {"family": 0, "protocol": 0, "local_port": 0},
        {"family": 17, "protocol": 3, "local_port": 0, "state": "NONE"},
        *(UDP | {"protocol": protocol} for protocol in (1, 58, 255)),
    ],
    ids=str,
)
def test_what_has_no_port_to_listen_on_is_left_out(platform: Platform, socket: Socket) -> None:
    """Connected, unix and packet sockets, and protocols whose port is no port."""
    assert not answered(platform, socket)


@for_each("platform", Platform)
def test_nothing_is_left_out_that_may_listen(platform: Platform) -> None:
    """Whatever the columns say together: what does not come is no listener to the normaliser."""
    sockets = [
        TCP | {"pid": place} | dict(zip(WHATEVER, values, strict=True))
        for place, values in enumerate(product(*WHATEVER.values()))
    ]
    told = {row["pid"] for row in answered(platform, *sockets)}
    left = [as_text(socket) for socket in sockets if str(socket["pid"]) not in told]
    listeners, _, stateless = judged(platform, left)
    assert left
    assert not listeners
    assert not stateless
