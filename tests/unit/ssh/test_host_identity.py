"""The SSH server's port as a witness: which listeners can be it, and whose rows they are."""

from portproof.judge.listeners import normalise
from portproof.judge.proof import is_witness
from portproof.model.observation import (
    LISTENING_SOCKETS,
    Answer,
    Identity,
    Observed,
    Platform,
    Reason,
    Row,
    SourceReply,
    Unobserved,
    Witness,
)
from portproof.ssh.host_identity import bindable, misplaced, server_witness
from support.for_each import for_each

LINUX = Identity(source="probe", version="1", platform=Platform.LINUX, euid=0, host_namespace="7")
MACOS = Identity(source="osqueryi", version="5", platform=Platform.MACOS, euid=0)


def row(address: str, port: int = 22, family: str = "", space: str = "7") -> Row:
    """A row of a listener."""
    told = {"pid": "1", "fd": "3", "socket": "9", "protocol": "6", "state": "LISTEN"}
    where = {"address": address, "port": str(port), "remote_port": "0", "net_namespace": space}
    return told | where | {"family": family or ("10" if ":" in address else "2")}


def reached(address: str, port: int = 22) -> Witness:
    """The server's port, reached at an address."""
    return Witness("tcp", address, port, ours=False, reached=True)


FITTING = [
    ("10.0.0.2", "10.0.0.2", ""),
    ("0.0.0.0", "10.0.0.2", ""),
    ("::", "10.0.0.2", ""),
    ("::ffff:10.0.0.2", "10.0.0.2", ""),
    ("::", "fd77::2", ""),
    ("fd77::2", "fd77::2", ""),
]
UNFIT = [
    ("10.0.0.3", "10.0.0.2", ""),
    ("127.0.0.1", "10.0.0.2", ""),
    ("fd77::3", "fd77::2", ""),
]


@for_each(("bound", "at", "family"), FITTING)
def test_a_listener_that_serves_the_address_can_be_the_server(
    bound: str, at: str, family: str
) -> None:
    """The address itself, or a wildcard."""
    (listener,) = normalise([row(bound, family=family)], LINUX).listeners
    assert is_witness(listener, reached(at))
    assert misplaced("web", reply(row(bound, family=family)), reached(at)) is None


@for_each(("bound", "at", "family"), UNFIT)
def test_a_listener_that_does_not_serve_it_cannot(bound: str, at: str, family: str) -> None:
    """Another address of the host's is another socket."""
    (listener,) = normalise([row(bound, family=family)], LINUX).listeners
    assert not is_witness(listener, reached(at))
    assert misplaced("web", reply(row(bound, family=family)), reached(at)) is not None


def test_a_wildcard_of_the_other_family_does_not_serve_it() -> None:
    """Where the families are told apart."""
    (ipv4,) = normalise([row("0.0.0.0")], LINUX).listeners
    assert not is_witness(ipv4, reached("fd77::2"))
    (ipv6,) = normalise([row("::", family="10", space="")], MACOS).listeners
    assert is_witness(ipv6, reached("fd77::2"))
    assert not is_witness(ipv6, reached("10.0.0.2"))


def test_a_canary_is_at_its_own_address_only() -> None:
    """A wildcard on its port is another socket, and is judged."""
    (listener,) = normalise([row("0.0.0.0", 4000)], LINUX).listeners
    assert not is_witness(listener, Witness("tcp", "127.0.0.1", 4000, ours=True))


@for_each(
    ("told", "address", "port"),
    [
        ("10.0.0.1 5000 10.0.0.2 22", "10.0.0.2", 22),
        ("fd77::1 5000 fd77::2 2222", "fd77::2", 2222),
        ("fe80::1%eth0 5000 fe80::2%eth0 22", "fe80::2", 22),
        ("::ffff:10.0.0.1 5000 ::ffff:10.0.0.2 22", "10.0.0.2", 22),
    ],
)
def test_the_servers_own_words_make_the_witness(told: str, address: str, port: int) -> None:
    """Without zones, and with mapped addresses as IPv4."""
    assert server_witness(told.split()) == (reached(address, port),)


@for_each(
    "told",
    [
        "",
        "10.0.0.2 22",
        "a 1 b 22",
        "10.0.0.1 1 10.0.0.2 0",
        "10.0.0.1 1 10.0.0.2 65536",
        "10.0.0.1 1 10.0.0.2 2\u00b2",
        "10.0.0.1 1 10.0.0.2 -1",
        "a b c d e",
        "10.0.0.1 1 0.0.0.0 22",
        "::1 1 :: 22",
        "UNKNOWN 65535 UNKNOWN 65535",
    ],
)
def test_words_without_sense_make_none(told: str) -> None:
    """Then there is nothing to be seen among the rows."""
    assert server_witness(told.split()) == ()
    assert bindable(told.split()) == ""


@for_each(
    ("address", "sent"),
    [
        ("10.0.0.2", "10.0.0.2"),
        ("::ffff:10.0.0.2", "10.0.0.2"),
        ("fd77:0::2", "fd77::2"),
        ("fd77::2%eth0", "fd77::2"),
        ("fe80::2%eth0", "fe80::2%eth0"),
        ("fe80::2", "fe80::2"),
        ("fe80::2%;x", "fe80::2"),
        ("fe80::2%\ufffd", "fe80::2"),
        ("fe80::2%abcdefghijklmnop", "fe80::2"),
    ],
)
def test_the_servers_address_is_sent_as_a_socket_is_bound_to_it(address: str, sent: str) -> None:
    """With the zone that a link-local address needs, and nothing that is no interface's name."""
    assert bindable(["fe80::1", "5000", address, "22"]) == sent


def reply(*rows: Row, answer: Answer | None = None) -> SourceReply:
    """A look with rows or another answer about listening sockets."""
    return SourceReply(LINUX, {LISTENING_SOCKETS: answer or Observed(rows, len(rows))})


@for_each(
    "found",
    [
        reply(),
        reply(row("0.0.0.0", 2222)),
        reply(row("0.0.0.0", space="8")),
        reply(row("0.0.0.0") | {"protocol": "17"}),
        reply(row("0.0.0.0") | {"state": "ESTABLISHED"}),
        reply(row("nonsense")),
        reply({}),
    ],
)
def test_without_the_servers_port_a_look_is_of_something_else(found: SourceReply) -> None:
    """And nothing of it is judged."""
    cause = misplaced("web", found, reached("10.0.0.2"))
    assert cause is not None
    assert cause.reason is Reason.NO_WITNESS
    assert "web" in cause.detail


def test_without_an_answer_about_sockets_its_reason_stands() -> None:
    """Where it is cannot be told then."""
    late = Unobserved(Reason.TIMEOUT, "late")
    assert misplaced("web", reply(answer=late), reached("10.0.0.2")) == late
    nothing = misplaced("web", SourceReply(LINUX, {}), reached("10.0.0.2"))
    assert nothing is not None
    assert nothing.reason is Reason.PARTIAL


CANARY = Witness("tcp", "10.0.0.2", 4000, ours=True)
BESIDE = Witness("tcp", "127.0.0.1", 4000, ours=True)


def test_a_canary_at_the_servers_address_shows_the_place() -> None:
    """Its row is there, beside the server's."""
    found = reply(row("0.0.0.0"), row("10.0.0.2", 4000))
    assert misplaced("web", found, reached("10.0.0.2"), [BESIDE, CANARY]) is None


@for_each(
    ("canaries", "rows"),
    [
        ([], []),
        ([BESIDE], [row("127.0.0.1", 4000)]),
        ([CANARY], []),
        ([CANARY], [row("127.0.0.1", 4000)]),
        ([CANARY], [row("0.0.0.0", 4000)]),
        ([CANARY], [row("10.0.0.2", 4000, space="8")]),
        ([CANARY], [row("10.0.0.2", 4000) | {"protocol": "17"}]),
    ],
)
def test_without_it_the_servers_port_may_be_another_servers(
    canaries: list[Witness], rows: list[Row]
) -> None:
    """As in a container with an SSH server of its own, on the same port."""
    cause = misplaced("web", reply(row("0.0.0.0"), *rows), reached("10.0.0.2"), canaries)
    assert cause is not None
    assert cause.reason is Reason.NO_WITNESS
    assert "web leads where 10.0.0.2, its SSH server's address, is not" in cause.detail
