"""The JSON Schemas for editors accept what the models accept, and refuse what they refuse."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from portproof.content.schemas import schema_text
from portproof.content.shipped import shipped
from support.for_each import for_each
from support.paths import CASES

WRONG = CASES / "wrong" / "policies"
BY_FORM = ["misspelt-keys", "kinds", "ids-and-words", "no-rules", "not-a-mapping"]
"""Wrong files whose error is one of form, which a schema can see."""


@cache
def validator(what: str) -> jsonschema.Draft202012Validator:
    """A validator that we did not write."""
    schema: dict[str, Any] = json.loads(schema_text(what))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


SHIPPED = sorted([*shipped("policies").rglob("*.yml"), *shipped("checks").rglob("*.yml")])


@for_each("file", SHIPPED, ids=lambda file: file.name)
def test_shipped_content_is_valid(file: Path) -> None:
    """Everything shipped passes the schema of what it is."""
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    what = next(name for name in ("policy", "check", "test") if name in document)
    validator(what).validate(document)


@for_each("name", BY_FORM)
def test_wrong_forms_are_refused(name: str) -> None:
    """An editor marks what portproof would refuse."""
    document = yaml.safe_load((WRONG / f"{name}.yml").read_text(encoding="utf-8"))
    assert not validator("policy").is_valid(document)


def test_the_languages_examples_are_valid() -> None:
    """Every form of the policy language passes."""
    rules = [
        {"id": "a", "closed": 609, "at": "any"},
        {"id": "b", "closed": "8000-8100/tcp", "at": ["10.0.0.0/8", "fd00::/8"]},
        {"id": "c", "open": "443/tcp", "by": {"process": "nginx", "user": ["www-data", "root"]}},
        {"id": "d", "only": ["22/tcp", 80], "at": "external", "ephemeral_udp": "fail"},
        {"id": "e", "check": "mine", "expect": 3, "fix": {"linux": "x", "windows": "y"}},
    ]
    document = {"policy": "mine", "title": "Mine", "hosts": "web:&prod", "rules": rules}
    validator("policy").validate(document)
