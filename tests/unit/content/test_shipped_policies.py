"""The shipped policies: what every rule tells, that none contradict, and what they say of hosts."""

import re
from collections import Counter
from typing import Any

from portproof.catalog.services import by_port
from portproof.judge.plan import plans
from portproof.model.base import for_platform
from portproof.model.host_facts import Doubts, HostFacts
from portproof.model.hosts import Host, Inventory
from portproof.model.observation import Platform
from portproof.model.verdicts import Verdict
from portproof.policy.policy import BoundRule
from portproof.policy.policy_tests import GivenListener
from support.for_each import for_each
from support.shipped import closed_rules, ports_closed

FRAMEWORKS = {"nist-800-53", "cis-controls", "pci-dss", "iso-27001"}
AT_LEAST = {
    "retired-ports": 40,
    "cleartext-services": 15,
    "exposed-datastores": 20,
    "exposed-control-planes": 20,
    "file-and-remote-access": 10,
}


def each_rule(test: Any) -> Any:  # noqa: ANN401 - a decorator of pytest's
    """Run a test for each rule, under its name."""
    return for_each("bound", closed_rules, ids=lambda bound: bound.key)(test)


@for_each("policy", AT_LEAST)
def test_a_policy_covers_its_subject(policy: str) -> None:
    """No policy is shipped half empty."""
    assert sum(bound.policy.policy == policy for bound in closed_rules()) >= AT_LEAST[policy]


def test_a_listener_is_reported_by_one_rule() -> None:
    """No port of a protocol is claimed by two rules, in whatever scope."""
    claims = Counter(
        (part.protocol, port)
        for bound in closed_rules()
        for part in ports_closed(bound)
        for port in range(part.first, part.last + 1)
    )
    assert [claim for claim, times in claims.items() if times > 1] == []


@each_rule
def test_a_rule_tells_what_a_reader_needs(bound: BoundRule) -> None:
    """Why, how bad and why so, what to do on each platform, which controls, and the sources."""
    rule = bound.rule
    assert rule.title
    assert rule.because
    assert rule.severity is not None
    for platform in Platform:
        assert for_platform(rule.fix, platform), platform
    assert set(rule.maps) == FRAMEWORKS
    assert all(ref.startswith(("https://", "http://")) for ref in rule.refs)
    assert rule.refs


@each_rule
def test_the_severity_has_its_reason(bound: BoundRule) -> None:
    """The text gives a reason for the very severity that the field has, so neither drifts."""
    said = re.findall(r"Severity (\w+):", bound.rule.because or "")
    assert said == [bound.severity.value]


@each_rule
def test_what_a_rule_cites_is_among_its_sources(bound: BoundRule) -> None:
    """Each RFC and CVE that the text names can be followed."""
    cited = re.findall(r"RFC (\d+)|(CVE-\d+-\d+)", bound.rule.because or "")
    ends = [f"/rfc{number}" if number else f"/{cve}" for number, cve in cited]
    assert [end for end in ends if not any(ref.endswith(end) for ref in bound.rule.refs)] == []


@each_rule
def test_a_rule_is_called_as_iana_calls_the_service(bound: BoundRule) -> None:
    """The title names what is registered for the first port of each range."""
    names = {
        service.name
        for part in ports_closed(bound)
        for service in by_port(part.first, part.protocol)
        if service.name
    }
    assert [name for name in sorted(names) if name not in (bound.rule.title or "")] == []


@each_rule
def test_a_rule_s_id_ends_with_a_port_of_its_own(bound: BoundRule) -> None:
    """Nobody looks for a number that the rule does not judge."""
    number = int(bound.rule.id.rpartition("-")[2])
    assert any(part.first <= number <= part.last for part in ports_closed(bound))


DEBIAN = (
    *("22/tcp at 0.0.0.0", "22/tcp at ::", "68/udp at 0.0.0.0"),
    *("323/udp at 127.0.0.1", "323/udp at ::1", "53/tcp at 127.0.0.53", "53/udp at 127.0.0.53"),
)
"""A Debian server with ssh only: sshd, a DHCP client, chrony's commands, systemd's resolver."""
UBUNTU = (*DEBIAN, "631/tcp at 127.0.0.1", "631/tcp at ::1", "5353/udp at 0.0.0.0", "41641/udp")
"""A desktop: also CUPS on loopback, mDNS, and a client on an ephemeral port."""
MACOS = (
    *("5000/tcp", "7000/tcp", "5353/udp", "123/udp at 127.0.0.1", "631/tcp at 127.0.0.1"),
    *("137/udp", "138/udp", "49152/tcp", "3722/udp"),
)
"""A Mac: AirPlay, mDNS, and NetBIOS names."""
WINDOWS = (
    *("135/tcp", "139/tcp at 10.0.0.5", "445/tcp", "5040/tcp", "5357/tcp", "7680/tcp"),
    *("49664/tcp", "49669/tcp", "123/udp", "137/udp at 10.0.0.5", "138/udp at 10.0.0.5"),
    *("500/udp", "4500/udp", "1900/udp at 10.0.0.5", "3702/udp", "5050/udp", "5353/udp"),
    "5355/udp",
)
"""A Windows workstation as it is installed."""


@for_each(
    ("platform", "listening", "fails"),
    [
        ("linux", DEBIAN, set()),
        ("linux", UBUNTU, set()),
        ("macos", MACOS, {"netbios-137"}),
        ("windows", WINDOWS, {"netbios-137", "epmap-135", "microsoft-ds-445", "wsdapi-5357"}),
    ],
    ids=["a Debian server", "an Ubuntu desktop", "a Mac", "a Windows workstation"],
)
def test_a_plain_host_fails_only_what_it_opens_by_itself(
    platform: str, listening: tuple[str, ...], fails: set[str]
) -> None:
    """Nothing on Linux; elsewhere the services the system has on, as the rules say themselves."""
    given = [text.partition(" at ") for text in listening]
    listeners = tuple(
        GivenListener(port=port, at=address or "0.0.0.0").listener() for port, _, address in given
    )
    facts = HostFacts(platform=Platform(platform), listeners=listeners, doubts=Doubts())
    judged = plans(closed_rules(), Inventory((Host("host"),), "the test"))["host"].judge(facts)
    verdicts = dict(zip((bound.rule.id for bound in closed_rules()), judged, strict=True))
    assert {name for name, each in verdicts.items() if each.verdict is Verdict.FAIL} == fails
    assert {each.verdict for each in judged} <= {Verdict.PASS, Verdict.FAIL}
