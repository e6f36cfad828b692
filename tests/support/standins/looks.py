"""Makes a source, reads what it told, and fails where it told something else."""

from portproof.model.observation import Answer, Platform, Reason, SourceReply, Unobserved
from portproof.sources.osqueryd import OsquerydSource
from support.standins.osqueryd import Osqueryd


def source_of(osqueryd: Osqueryd, timeout: float = 10.0) -> OsquerydSource:
    """The source that asks a stand-in for osqueryd, and reads nothing of this machine itself."""
    return OsquerydSource(str(osqueryd.path), timeout, Platform.LINUX, beside=None)


def reply_of(seen: SourceReply | Unobserved) -> SourceReply:
    """Give the sight of a look that must have worked."""
    assert isinstance(seen, SourceReply), seen
    return seen


def reason_of(answer: Answer | SourceReply) -> Reason:
    """Give the reason of an answer or a look that must have failed."""
    assert isinstance(answer, Unobserved), answer
    return answer.reason
