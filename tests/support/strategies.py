"""Random looks and rules for property tests, in the plain form of ``oracle``.

Values come from small pools, so that ports, sockets, namespaces and owners meet often.
"""

from typing import Any

from hypothesis import strategies as st

from portproof.model.observation import (
    LISTENING_SOCKETS,
    PUBLISHED_PORTS,
    Answer,
    HostLook,
    Identity,
    Observed,
    Platform,
    SourceReply,
    Witness,
)
from portproof.policy.policy import Policy
from support.book import BOOK, IPV4_NETWORK, IPV6_NETWORK
from support.oracle import QUIET, Look, Rule
from support.times import at

HOST = "4026531840"
SELF = "4026531833"
CONTAINER = "4026532999"
WITNESSES = (
    ("tcp", "127.0.0.1", 40001, True),
    ("tcp", "::1", 40002, True),
    ("udp", "127.0.0.1", 40003, True),
    ("udp", "::1", 40004, True),
)
PORTS = (609, 443, 22, 45000)
COLUMNS = (
    *("pid", "fd", "socket", "family", "protocol", "address", "port", "remote_port", "state"),
    *("net_namespace", "name", "path", "cmdline", "uid", "user", "start_time", "on_disk", "parent"),
)
"""The columns checks/listening-sockets.yml asks for."""

_ODD = [
    "",
    "abc",
    " 609 ",
    "\uff16\uff10\uff19",
    "609.0",
    "-1",
    "70000",
    "06",
    "00",
    "LISTEN ",
    "\x00",
    "9" * 99,
]
_FAMILIES = {"linux": "10", "macos": "10", "windows": "23"}
_PROTOCOLS = ["6"] * 8 + ["17"] * 6 + ["1", "58", "136", "255"]
_DETAIL = st.sampled_from(["", "0", "1", "2"])
_STATES = ["LISTEN"] * 12 + ["", "UNKNOWN", "listen", *QUIET]
_OWNERS = [("10", "nginx"), ("11", "slapd"), ("12", "SLAPD"), ("13", ""), ("-1", "")]


def platforms() -> st.SearchStrategy[str]:
    """One of the platforms."""
    return st.sampled_from([platform.value for platform in Platform])


@st.composite
def rows(draw: st.DrawFn, platform: str) -> dict[str, str]:
    """One row as osquery might give it."""
    address = draw(st.sampled_from(sorted(BOOK)))
    protocol = draw(st.sampled_from(_PROTOCOLS))
    pid, name = draw(st.sampled_from(_OWNERS))
    ipv6 = ":" in address or draw(st.integers(0, 5)) == 0
    row = {
        "pid": pid,
        "socket": draw(st.sampled_from(["0", "71", "71", "72", "72", "73"])),
        "family": _FAMILIES[platform] if ipv6 else "2",
        "protocol": protocol,
        "address": address,
        "port": str(draw(st.sampled_from([*PORTS, 609, 609, 0, 40001]))),
        "remote_port": draw(st.sampled_from(["0"] * 6 + ["", "53"])),
        "state": draw(st.sampled_from(_STATES)) if protocol == "6" else "",
        "name": name,
    }
    if platform == "linux":
        row["net_namespace"] = draw(st.sampled_from([HOST, HOST, "0", "0", CONTAINER, SELF, ""]))
        row |= draw(_mostly({}, st.fixed_dictionaries({"v6only": _DETAIL, "device": _DETAIL})))
    return row


@st.composite
def odd_rows(draw: st.DrawFn, platform: str) -> dict[str, str]:
    """One row in which a column is missing or makes no sense."""
    row = draw(rows(platform))
    column = draw(st.sampled_from(sorted(row)))
    text = draw(st.none() | st.sampled_from(_ODD))
    return {name: value for name, value in {**row, column: text}.items() if value is not None}


@st.composite
def looks(draw: st.DrawFn, platform: str | None = None) -> Look:
    """A look, most often by root, with all canaries seen and nothing lost."""
    system = platform or draw(platforms())
    namespace = draw(st.sampled_from([HOST, HOST, "0"])) if system == "linux" else ""
    own = draw(st.lists(rows(system), max_size=6))
    odd = draw(st.lists(odd_rows(system), max_size=1)) if draw(st.integers(0, 3)) == 0 else []
    seen = draw(_mostly(WITNESSES, st.lists(st.sampled_from(WITNESSES), unique=True)))
    return {
        "platform": system,
        "source": draw(st.sampled_from(["osqueryd", "probe"])),
        "euid": draw(_mostly(None if system == "windows" else 0, st.sampled_from([None, 1000]))),
        "host_namespace": namespace,
        "rows": [*own, *odd, *(canary_row(each, system, namespace) for each in seen)],
        "lost": draw(_mostly(0, st.integers(1, 2))),
        "incomplete": draw(_mostly((), st.just(("something",)))),
        "witnesses": list(draw(_mostly(WITNESSES, st.just(WITNESSES[:2])))),
        "published": draw(_mostly([], st.lists(published(), min_size=1, max_size=3))),
    }


@st.composite
def published(draw: st.DrawFn) -> dict[str, str]:
    """One row about a port that docker publishes, or may."""
    address = st.sampled_from(["", "0.0.0.0", "::", "127.0.0.1", "10.1.2.3", "fd00::5", "here"])
    port = st.sampled_from([*map(str, PORTS), "609", "40001", "0", "", "70000", "-1"])
    return {
        "id": draw(st.sampled_from(["4f797c539e6c", "", "aaaa"])),
        "type": draw(st.sampled_from(["tcp", "tcp", "udp", "sctp", ""])),
        "port": draw(st.sampled_from(["80", "", "x"])),
        "host_ip": draw(address),
        "host_port": draw(port),
    }


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """A rule about listeners."""
    kind = draw(st.sampled_from(["closed", "open", "only"]))
    pairs = [(protocol, port) for protocol in ("tcp", "udp") for port in PORTS]
    return {
        "kind": kind,
        "ports": draw(st.sets(st.sampled_from(pairs), min_size=1, max_size=4)),
        "at": draw(st.sampled_from(["any", "external", "loopback", IPV4_NETWORK, IPV6_NETWORK])),
        "by": draw(_mostly(None, st.sampled_from(["nginx", "slapd"]))),
        "namespaces": draw(st.sampled_from(["host", "host", "all"])),
        "ephemeral_udp": draw(st.sampled_from(["note", "fail"])),
    }


def canary_row(
    witness: tuple[str, str, int, bool], platform: str, namespace: str
) -> dict[str, str]:
    """The row of a canary in the host's namespace."""
    protocol, address, port, _ = witness
    return {
        "pid": "99",
        "socket": str(port),
        "family": _FAMILIES[platform] if ":" in address else "2",
        "protocol": "6" if protocol == "tcp" else "17",
        "address": address,
        "port": str(port),
        "remote_port": "0",
        "state": "LISTEN" if protocol == "tcp" else "",
        "name": "portproof",
        "net_namespace": namespace,
    }


def host_look(look: Look, checks: dict[str, Answer] | None = None) -> HostLook:
    """The look as portproof has it."""
    identity = Identity(
        source=look["source"],
        version="5.23.0",
        platform=Platform(look["platform"]),
        euid=look["euid"],
        host_namespace=look["host_namespace"],
    )
    sockets = Observed(tuple(look["rows"]), len(look["rows"]) + look["lost"])
    answers: dict[str, Answer] = {LISTENING_SOCKETS: sockets, **(checks or {})}
    if look["published"]:
        rows = tuple(look["published"])
        answers[PUBLISHED_PORTS] = Observed(rows, len(rows))
    reply = SourceReply(identity, answers, look["incomplete"])
    witnesses = tuple(Witness(*each) for each in look["witnesses"])
    return HostLook(reply=reply, witnesses=witnesses, taken=at("2026-01-01T00:00:00Z"), seconds=0.1)


def a_look(rows: list[dict[str, str]], **changes: Any) -> Look:  # noqa: ANN401 - of any type
    """A look by root with these rows, without canaries among them."""
    return {
        "platform": "linux",
        "source": "osqueryd",
        "euid": 0,
        "host_namespace": HOST,
        "rows": rows,
        "lost": 0,
        "incomplete": (),
        "witnesses": list(WITNESSES),
        "published": [],
        **changes,
    }


def a_rule(kind: str, **changes: Any) -> Rule:  # noqa: ANN401 - of any type
    """A rule about port 609 anywhere on the host."""
    return {
        "kind": kind,
        "ports": {("tcp", 609), ("udp", 609)},
        "at": "any",
        "by": None,
        "namespaces": "host",
        "ephemeral_udp": "note",
        **changes,
    }


def policy(*rules: Rule, name: str = "random", hosts: str = "all") -> Policy:
    """The rules as a policy for some hosts."""
    written = [{"id": f"rule-{index}", **_written(rule)} for index, rule in enumerate(rules)]
    return Policy.model_validate(
        {"policy": name, "title": "Random rules", "hosts": hosts, "rules": written}
    )


def _written(rule: Rule) -> dict[str, Any]:
    written = {
        rule["kind"]: [f"{port}/{protocol}" for protocol, port in sorted(rule["ports"])],
        "at": rule["at"],
        "namespaces": rule["namespaces"],
    }
    if rule["by"]:
        written["by"] = {"process": rule["by"]}
    if rule["kind"] == "only":
        written["ephemeral_udp"] = rule["ephemeral_udp"]
    return written


def _mostly(usual: Any, other: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:  # noqa: ANN401 - of any type
    return st.integers(0, 7).flatmap(lambda dice: other if dice == 5 else st.just(usual))
