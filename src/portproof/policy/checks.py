"""Checks: questions in osquery's SQL."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from portproof.model.base import Model, Slug, Text, TextByPlatform, for_platform
from portproof.model.observation import WITNESS, Platform

VERSION: Final = r"^\d+(\.\d+)*$"
Version = Annotated[str, StringConstraints(pattern=VERSION)]


class Check(Model):
    """One question in SQL, the same on every platform that allows it.

    An empty answer alone proves nothing. ``witness`` is a second question about the same table that
    must return a row wherever looking works. Without one, an empty answer proves less, and the
    report says so.
    """

    check: Annotated[Slug, Field(description="The id rules refer to.")]
    title: Annotated[Text, Field(description="The question in one line.")]
    because: Annotated[Text | None, Field(description="Why it is asked this way.")] = None
    sql: Annotated[TextByPlatform, Field(description="osquery SQL, for all or by platform.")]
    witness: Annotated[
        TextByPlatform | None,
        Field(description="SQL on the same table that returns a row wherever looking works."),
    ] = None
    privilege: Annotated[
        Literal["root", "any"],
        Field(description="Whom an empty answer can be believed from."),
    ] = "root"
    min_osquery: Annotated[
        Version | None, Field(description="The oldest osquery version that can answer.")
    ] = None

    def sql_on(self, platform: Platform) -> str | None:
        """Return the SQL to ask on a platform, or None where the question makes no sense."""
        return for_platform(self.sql, platform)

    def witness_on(self, platform: Platform) -> str | None:
        """Return the witness to ask for on a platform, if the check has one there."""
        return for_platform(self.witness, platform)

    @property
    def witness_id(self) -> str:
        """The id of the witness question in a round."""
        return f"{self.check}{WITNESS}"


def questions_of(checks: Iterable[Check]) -> dict[Platform, dict[str, str]]:
    """Return the SQL to ask by platform and question id; checks without SQL there are left out."""
    asked = list(checks)
    return {system: _questions_on(system, asked) for system in Platform}


def _questions_on(system: Platform, checks: Sequence[Check]) -> dict[str, str]:
    asked = {check.check: check.sql_on(system) for check in checks}
    witnesses = {check.witness_id: check.witness_on(system) for check in checks}
    return {name: sql for name, sql in (asked | witnesses).items() if sql is not None}
