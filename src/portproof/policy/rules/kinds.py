"""The rule kinds that are installed, found by their entry points."""

from functools import cache
from importlib.metadata import entry_points
from typing import Annotated, Any, Final, Union

from pydantic import Discriminator, Tag

from portproof.policy.rules.base import Rule

GROUP: Final = "portproof.rules"


@cache
def rule_kinds() -> dict[str, type[Rule]]:
    """Rule kinds by the key that selects them."""
    found = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    return {entry.name: entry.load() for entry in found}


def kind_of(value: object) -> str | None:
    """Return the kind of a rule, or None unless exactly one kind is named."""
    if isinstance(value, Rule):
        return value.kind
    named = [kind for kind in rule_kinds() if isinstance(value, dict) and kind in value]
    return named[0] if len(named) == 1 else None


def any_rule() -> Any:  # noqa: ANN401 - a type made of what is installed
    """Return the union of all installed kinds, as a pydantic field type."""
    kinds = rule_kinds()
    tagged = tuple(Annotated[kind, Tag(name)] for name, kind in kinds.items())
    return Annotated[
        Union[tagged],  # noqa: UP007 - a union of what is installed, known only now
        Discriminator(
            kind_of,
            custom_error_type="rule_kind",
            custom_error_message=f"a rule needs exactly one of {', '.join(kinds)}",
        ),
    ]
