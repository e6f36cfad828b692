"""Judge a run of osqueryi on any machine: believe all of its answers or none."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from portproof.model.observation import Answer, Reason, Unobserved
from portproof.sources.answers import observed, quoted, refused
from portproof.sources.osqueryi_format import OsqueryiOutputError, read_answers
from portproof.sources.program import CompletedProgram

SOURCE: Final = "osqueryi"
"""What evidence calls this source."""


class OsqueryiReply(NamedTuple):
    """Answers in the order of the questions, and warnings of what could not be read.

    ``pid`` is the process that gave all the answers, or 0 if there were several.
    """

    answers: list[Answer]
    unread: list[str]
    pid: int = 0


def judged(ran: CompletedProgram, count: int, program: str = SOURCE) -> OsqueryiReply | Unobserved:
    """Return what one run answered to ``count`` questions; rows are printed even after errors.

    Args:
        ran: How it ended, and what it printed.
        count: How many questions it was asked.
        program: What to call it in a detail.
    """
    if ran.complaints.error is not None:
        return refused(SOURCE, ran.complaints.error)
    if ran.code != 0:
        said = quoted(ran.complaints.text.decode("utf-8", "backslashreplace"))
        text = f"{program} ended with exit code {ran.code}: {said}"
        return Unobserved(Reason.QUERY_ERROR, text)
    try:
        answers = read_answers(ran.output, count)
    except OsqueryiOutputError as error:
        text = f"osqueryi's output cannot be read: {quoted(str(error))}"
        return Unobserved(Reason.GARBLED, text)
    return OsqueryiReply(
        [observed(SOURCE, rows) for rows in answers], ran.complaints.unread, ran.pid
    )


def joined(runs: Iterable[OsqueryiReply | Unobserved]) -> OsqueryiReply:
    """Combine several runs; a run without an answer was for one question."""
    told = [OsqueryiReply([run], []) if isinstance(run, Unobserved) else run for run in runs]
    return OsqueryiReply(
        [answer for each in told for answer in each.answers],
        [warning for each in told for warning in each.unread],
    )
