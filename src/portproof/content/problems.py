"""Turn pydantic's errors into problems a user can act on: where, what, and what to write."""

import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from portproof.content.document import KeyPath, YamlDocument
from portproof.errors import Code, Problem
from portproof.policy.checks import VERSION
from portproof.policy.rules.kinds import rule_kinds
from portproof.text.suggestions import nearest, suggesting

_TAG_AT: Final = 2
"""Where pydantic puts a rule's kind: ``("rules", 0, "closed", "at")``."""


def to_problems(
    error: ValidationError, document: YamlDocument, model: type[BaseModel]
) -> Iterator[Problem]:
    """Turn every error into a problem at its place in the document."""
    details = error.errors(include_url=False, include_input=True)
    deepest = _without_echoes(details)
    for detail in deepest:
        path = _in_document(detail["loc"], document.value)
        code = _CODES.get(detail["type"], Code.WRONG_VALUE)
        message = _message(detail, model)
        yield document.problem(path, message, code, at_key=code is Code.UNKNOWN_FIELD)


def _without_echoes(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """Leave out that a list is too short if the only cause is that its items are wrong."""
    places = [detail["loc"] for detail in details]
    return [
        detail
        for detail in details
        if not (detail["type"] == "too_short" and _has_below(detail["loc"], places))
    ]


def _has_below(place: KeyPath, places: Iterable[KeyPath]) -> bool:
    return any(len(each) > len(place) and each[: len(place)] == place for each in places)


def _in_document(loc: KeyPath, value: Any) -> KeyPath:  # noqa: ANN401 - plain YAML values
    """Return the part of pydantic's location that the document knows, and a key that it lacks."""
    path: list[str | int] = []
    plain = _untagged(loc)
    for index, part in enumerate(plain):
        if _has(value, part):
            path.append(part)
            value = value[part]
        elif index == len(plain) - 1 and isinstance(value, Mapping):
            path.append(part)
    return tuple(path)


def _untagged(loc: KeyPath) -> KeyPath:
    """Return a location without the kind that pydantic puts after a rule's index."""
    tagged = loc[:1] == ("rules",) and len(loc) > _TAG_AT and loc[_TAG_AT] in rule_kinds()
    return (*loc[:_TAG_AT], *loc[_TAG_AT + 1 :]) if tagged else loc


def _has(value: Any, part: str | int) -> bool:  # noqa: ANN401 - plain YAML values
    if isinstance(value, list):
        return isinstance(part, int) and part < len(value)
    return isinstance(value, Mapping) and part in value


def _message(detail: ErrorDetails, model: type[BaseModel]) -> str:
    if detail["type"] == "extra_forbidden":
        return _unknown_key(detail["loc"], model)
    wording = _WORDINGS.get(detail["type"])
    if wording is not None:
        return wording(detail)
    ours = "text" in detail.get("ctx", {})
    return detail["msg"] if ours else detail["msg"][:1].lower() + detail["msg"][1:]


def _not(wanted: str) -> Callable[[ErrorDetails], str]:
    return lambda detail: f"must be {wanted}, not {_kind(detail['input'])}"


def _kind(value: Any) -> str:  # noqa: ANN401 - whatever the user's YAML held
    names = {dict: "a mapping", list: "a list", type(None): "nothing"}
    return names.get(type(value), f"{value!r}"[:60])


def _pattern(detail: ErrorDetails) -> str:
    text = str(detail["input"])
    if detail.get("ctx", {}).get("pattern") == VERSION:
        return f"{text[:60]!r} is not a version; write one such as 5.0"
    idea = "-".join("".join(c if c.isalnum() else " " for c in text.lower()).split())
    hint = f"; write {idea}" if idea and idea != text else ""
    return f"{text[:60]!r} must be lower-case letters, digits and single dashes{hint}"


def _choice(detail: ErrorDetails) -> str:
    choices = str(detail.get("ctx", {}).get("expected", ""))
    names = [name.strip("' ") for name in choices.replace(" or ", ", ").split(",")]
    given = str(detail["input"])
    return suggesting(f"{given[:60]!r} is not one of {', '.join(names)}", given, names)


def _rule_kind(detail: ErrorDetails) -> str:
    kinds = list(rule_kinds())
    keys = list(detail["input"]) if isinstance(detail["input"], dict) else []
    named = [kind for kind in kinds if kind in keys]
    if len(named) > 1:
        return f"has {' and '.join(named)}; a rule has exactly one of {', '.join(kinds)}"
    near = [(key, close) for key in keys for close in nearest(key, kinds)]
    hint = f"; did you mean {near[0][1]} instead of {near[0][0]}?" if near else ""
    return f"needs one of {', '.join(kinds)}{hint}"


def _unknown_key(loc: KeyPath, model: type[BaseModel]) -> str:
    known = list(_fields_at(loc[:-1], model))
    others = f"known here: {', '.join(known)}"
    return suggesting("is an unknown key", str(loc[-1]), known, otherwise=others)


def _fields_at(path: KeyPath, model: type[BaseModel]) -> Iterable[str]:
    """Return the keys known at a place, by following the path through the models."""
    here: type[BaseModel] = model
    for part in path:
        if part in rule_kinds():
            here = rule_kinds()[str(part)]
        elif part in here.model_fields:
            here = _model_in(here.model_fields[str(part)].annotation) or here
    return here.model_fields


def _model_in(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - a type expression
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inside = (_model_in(part) for part in typing.get_args(annotation))
    return next((found for found in inside if found is not None), None)


_MAPPING: Final = _not("a mapping of keys to values")
_LIST: Final = _not("a list")
_WORDINGS: Final[dict[str, Callable[[ErrorDetails], str]]] = {
    "missing": lambda _: "is required here",
    "string_type": _not("text"),
    "model_type": _MAPPING,
    "dict_type": _MAPPING,
    "tuple_type": _LIST,
    "list_type": _LIST,
    "too_short": lambda _: "must not be empty",
    "string_too_short": lambda _: "must not be empty",
    "string_pattern_mismatch": _pattern,
    "enum": _choice,
    "literal_error": _choice,
    "rule_kind": _rule_kind,
}

_CODES: Final = {
    "extra_forbidden": Code.UNKNOWN_FIELD,
    "missing": Code.MISSING_FIELD,
    "rule_kind": Code.MISSING_FIELD,
    "string_type": Code.WRONG_TYPE,
    "int_type": Code.WRONG_TYPE,
    "float_type": Code.WRONG_TYPE,
    "bool_type": Code.WRONG_TYPE,
    "model_type": Code.WRONG_TYPE,
    "dict_type": Code.WRONG_TYPE,
    "tuple_type": Code.WRONG_TYPE,
    "list_type": Code.WRONG_TYPE,
}
"""Pydantic's error types; all others are about a value."""
