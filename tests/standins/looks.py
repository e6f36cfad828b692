"""Reads what a source told, and fails where it told something else."""

from portproof.model.observation import Answer, Reason, Sight, Unobserved


def sight_of(seen: Sight | Unobserved) -> Sight:
    """Give the sight of a look that must have worked."""
    assert isinstance(seen, Sight), seen
    return seen


def reason_of(answer: Answer | Sight) -> Reason:
    """Give the reason of an answer or a look that must have failed."""
    assert isinstance(answer, Unobserved), answer
    return answer.reason
