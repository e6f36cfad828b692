"""The choice among sources on this machine."""

from collections.abc import Mapping

import pytest

from portproof.model.observation import (
    LISTENING_SOCKETS,
    FailedLook,
    HostLook,
    Identity,
    Observed,
    Platform,
    Reason,
    Row,
    SourceReply,
    Unobserved,
)
from portproof.sources.local import look_here
from portproof.sources.own import NOTHING_OWN, Own

ROW: Row = {"protocol": "6", "port": "22"}
REFUSED = Unobserved(Reason.QUERY_ERROR, "refused")


class Told:
    """A source that answers the question for listening sockets with these rows, or not at all."""

    def __init__(self, name: str, rows: tuple[Row, ...] | None) -> None:
        self.name = name
        self._rows = rows

    def look(
        self,
        _questions: Mapping[str, str],
        _own: Own = NOTHING_OWN,
        /,
    ) -> SourceReply | Unobserved:
        """Answer."""
        if self._rows is None:
            return REFUSED
        identity = Identity(source=self.name, version="1", platform=Platform.LINUX, euid=0)
        answer = Observed(self._rows, len(self._rows))
        return SourceReply(identity, {LISTENING_SOCKETS: answer})


@pytest.mark.parametrize("bad", [None, ()])
def test_the_next_source_takes_over(bad: tuple[Row, ...] | None) -> None:
    """Where one fails, or lists no socket although canaries are open."""
    looked = look_here([Told("first", bad), Told("second", (ROW,))], {LISTENING_SOCKETS: "SELECT"})
    assert isinstance(looked, HostLook)
    assert looked.reply.identity.source == "second"
    assert [each.partition(":")[0] for each in looked.tried] == ["first"]


def test_an_empty_answer_is_kept_where_no_source_has_a_better_one() -> None:
    """The judge says that no canary is among its rows; rows of checks still count."""
    looked = look_here([Told("first", ()), Told("second", None)], {LISTENING_SOCKETS: "SELECT"})
    assert isinstance(looked, HostLook)
    assert looked.reply.identity.source == "first"


def test_without_an_answer_the_last_reason_stands() -> None:
    """It is the reason of every unproven rule of the host."""
    looked = look_here([Told("first", None)], {LISTENING_SOCKETS: "SELECT"})
    assert isinstance(looked, FailedLook)
    assert looked.cause == REFUSED
