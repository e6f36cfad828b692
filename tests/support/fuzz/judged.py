"""Judging whatever was read, so that a value that is accepted is also one that can be judged."""

from portproof.judge.host import judge
from portproof.judge.plan import Plan
from portproof.model.hosts import Host
from portproof.model.observation import HostLook, Identity, Look, Platform, SourceReply, Witness
from portproof.model.verdicts import Verdict
from portproof.policy.policy import Policy, bind
from support.times import at

_WITNESSES = (Witness("tcp", "127.0.0.1", 40001, ours=True),)
_RULES = tuple(
    bind(
        [
            Policy.model_validate(
                {
                    "policy": "fuzz",
                    "title": "Every kind",
                    "rules": [
                        {"id": "closed", "closed": "1-65535", "at": "external"},
                        {"id": "by", "closed": 609, "by": {"process": "x*"}, "namespaces": "all"},
                        {"id": "open", "open": "609/tcp", "at": "10.0.0.0/8"},
                        {"id": "only", "only": "22/tcp"},
                    ],
                }
            )
        ]
    )
)
_PLAN = Plan(_RULES, [True] * len(_RULES))


def look_with(reply: SourceReply | None, witnesses: tuple[Witness, ...] = _WITNESSES) -> HostLook:
    """A look that brought back this sight, or nothing."""
    identity = Identity(
        source="osqueryd",
        version="5.23.0",
        platform=Platform.LINUX,
        euid=0,
        host_namespace="4026531840",
    )
    told = reply or SourceReply(identity, {})
    return HostLook(reply=told, witnesses=witnesses, taken=at("2026-01-01T00:00:00Z"), seconds=0.1)


def judge_look(look: Look) -> None:
    """Judge a look by every kind of rule; without a canary for UDP what needs one never passes."""
    result = judge(_PLAN, Host("host"), look, ())
    assert len(result.judgements) == len(_RULES)
    if isinstance(look, HostLook) and not any(each.protocol == "udp" for each in look.witnesses):
        assert result.judgements[0].verdict is not Verdict.PASS
        assert result.judgements[3].verdict is not Verdict.PASS
