"""``check``: a custom question, and how many rows its answer must have."""

import math
import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, Final, NamedTuple

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from portproof.model.base import Slug
from portproof.model.host_facts import CheckAnswer, HostFacts
from portproof.model.listeners import Listener
from portproof.model.observation import Reason, Row, Unobserved
from portproof.model.verdicts import PASSED, Finding, Judgement, Verdict, failed, unproven
from portproof.policy.rules.base import Rule, bounded


class RowCount(NamedTuple):
    """How many rows there must be: at least ``low``, at most ``high``."""

    low: int
    high: float
    written: str


_WORDS: Final = {
    "no rows": (0, 0),
    "some rows": (1, math.inf),
    "one row": (1, 1),
}
_COUNT = re.compile(r"(\d{1,9})( rows?)?")


def _expected(value: Any) -> RowCount:  # noqa: ANN401 - whatever the user's YAML held
    if isinstance(value, RowCount):
        return value
    text = "" if isinstance(value, bool) else str(value).strip().lower()
    if text in _WORDS:
        return RowCount(*_WORDS[text], text)
    if match := _COUNT.fullmatch(text):
        return RowCount(int(match[1]), int(match[1]), text)
    raise PydanticCustomError(
        "expect", "{text}", {"text": f"{value!r} is not no rows, some rows, one row or a number"}
    )


Expect = Annotated[
    RowCount,
    BeforeValidator(_expected),
    PlainSerializer(lambda expected: expected.written, return_type=str),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": list(_WORDS)},
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": _COUNT.pattern},
            ]
        }
    ),
]


class CheckRule(Rule):
    """Judges the answer of a check by the number of its rows."""

    kind: ClassVar[str] = "check"
    needs_answers: ClassVar[bool] = True

    check: Annotated[Slug, Field(description="The id of a check.")]
    expect: Annotated[Expect, Field(description="no rows, some rows, one row, or a number.")]

    def judge(self, listeners: Sequence[Listener], facts: HostFacts) -> Judgement:  # noqa: ARG002 - the contract of every kind
        """Compare the rows seen with the rows expected; while in doubt nothing passes.

        This includes ``some rows``: SQL can return a row because other rows were not seen, as
        ``SELECT 1 WHERE NOT EXISTS (...)`` does.
        """
        if self.check in facts.inapplicable:
            detail = f"check {self.check} has no question for {facts.platform}"
            return Judgement(Verdict.NOT_APPLICABLE, detail=detail)
        known = facts.checks.get(self.check)
        if known is None:
            return unproven(Reason.PARTIAL, f"check {self.check} was not asked in this look")
        if isinstance(known.answer, Unobserved):
            return unproven(known.answer.reason, known.answer.detail)
        return self._judge_rows(known.answer.rows, known)

    def _judge_rows(self, rows: tuple[Row, ...], known: CheckAnswer) -> Judgement:
        seen = len(rows)
        if seen > self.expect.high:
            return failed(*bounded(rows, _found))
        enough = seen >= self.expect.low
        if known.doubt is not None:
            return unproven(known.doubt.reason, known.doubt.detail)
        if not enough:
            return failed(Finding(f"{seen} rows where {self.expect.written} must be"))
        if known.weak and not math.isinf(self.expect.high):
            return Judgement(Verdict.PASS, notes=(known.weak,))
        return PASSED

    def mutants(self) -> Iterator[tuple[str, Rule]]:
        """Yield the opposite expectation."""
        other = "some rows" if self.expect.high == 0 else "no rows"
        yield f"expect {other}", self.model_copy(update={"expect": _expected(other)})

    def flaw(self) -> str | None:
        """Return None: every expectation can fail."""
        return None

    def summary(self) -> str:
        """Return such as ``check telnet-packages: no rows``."""
        return f"check {self.check}: {self.expect.written}"


def _found(row: Row) -> Finding:
    return Finding(_in_words(row), row=row)


def _in_words(row: Row) -> str:
    return ", ".join(f"{name} {value}" for name, value in row.items() if value)
