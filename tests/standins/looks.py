"""Makes a source, reads what it told, and fails where it told something else."""

from portproof.model.observation import Answer, Platform, Reason, Sight, Unobserved
from portproof.sources.osqueryd import OsquerydSource
from standins.osqueryd import Osqueryd


def source_of(osqueryd: Osqueryd, timeout: float = 10.0) -> OsquerydSource:
    """The source that asks a stand-in for osqueryd."""
    return OsquerydSource(str(osqueryd.path), timeout, Platform.LINUX)


def sight_of(seen: Sight | Unobserved) -> Sight:
    """Give the sight of a look that must have worked."""
    assert isinstance(seen, Sight), seen
    return seen


def reason_of(answer: Answer | Sight) -> Reason:
    """Give the reason of an answer or a look that must have failed."""
    assert isinstance(answer, Unobserved), answer
    return answer.reason
