"""What single rows mean: the listener they tell of, or why there is none."""

from hypothesis import given, settings
from hypothesis import strategies as st

from portproof.judge.host import judge
from portproof.judge.listeners import normalise
from portproof.judge.plan import Plan
from portproof.model.hosts import Host
from portproof.model.observation import Reason
from portproof.policy.policy import bind
from support import oracle
from support.for_each import for_each
from support.strategies import HOST, a_look, a_rule, host_look, policy

steady = settings(max_examples=60)

LISTENER = {
    "pid": "7",
    "socket": "71",
    "family": "2",
    "protocol": "6",
    "address": "10.0.0.5",
    "port": "609",
    "remote_port": "0",
    "state": "LISTEN",
    "net_namespace": HOST,
}
MEANS_NONE = {
    ("port", "0"),
    *(("protocol", number) for number in ("1", "58", "255")),
    *(("state", state) for state in oracle.QUIET),
}


@steady
@given(
    st.sampled_from(sorted(LISTENER)),
    st.text(max_size=5) | st.integers(0, 300).map(str) | st.sampled_from(oracle.QUIET),
)
def test_only_what_means_no_listener_hides_one(column: str, text: str) -> None:
    """Text in a column of a listener's row loses it only where the text has that meaning."""
    identity = host_look(a_look([])).reply.identity
    told = normalise([{**LISTENER, column: text}], identity)
    overlooked = not (told.garbled or told.stateless or told.listeners)
    assert overlooked == ((column, text) in MEANS_NONE)


@for_each(
    ("platform", "family", "text", "told"),
    [
        ("linux", "2", "0.0.0.0", ("0.0.0.0", "ipv4", "wildcard")),
        ("linux", "10", "::", ("::", "ipv6-maybe-dual", "wildcard")),
        ("linux", "10", "fd00::5", ("fd00::5", "ipv6", "private")),
        ("linux", "10", "::ffff:127.0.0.1", ("127.0.0.1", "ipv4", "loopback")),
        ("macos", "10", "0.0.0.0", ("::", "dual", "wildcard")),
        ("macos", "10", "::", ("::", "ipv6", "wildcard")),
        ("macos", "10", "127.0.0.1", ("127.0.0.1", "ipv4", "loopback")),
        ("windows", "23", "fe80::1%12", ("fe80::1", "ipv6", "link-local")),
    ],
)
def test_what_a_row_says_about_its_address(
    platform: str, family: str, text: str, told: tuple[str, str, str]
) -> None:
    """The listener has the canonical address, the families it serves, and how far it reaches."""
    identity = host_look(a_look([], platform=platform)).reply.identity
    (found,) = normalise([{**LISTENER, "family": family, "address": text}], identity).listeners
    assert (found.address, found.stack, found.exposure) == told


def test_a_name_too_long_to_keep_may_match_any_pattern() -> None:
    """A name is not cut and then compared: what was cut off may be what is meant."""
    look = a_look([{**LISTENER, "name": "x" * 5000 + "slapd"}])
    rules = tuple(bind([policy(a_rule("closed", by="*slapd"))]))
    (judgement,) = judge(Plan(rules, [True]), Host("host"), host_look(look), ()).judgements
    assert judgement.reason is Reason.AMBIGUOUS
