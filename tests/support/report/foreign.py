"""Validators that others wrote, asked what is wrong with what portproof wrote."""

import json
import os
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft7Validator
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
from oscal_bindings.v1.models import AssessmentResultsDocument
from pydantic import ValidationError

from support.paths import SUPPORT

_MULTITOOL: Final = SUPPORT.joinpath(
    "validators", "node_modules", "@microsoft", "sarif-multitool-linux"
)
_WITNESS: Final = "SARIF2005"
"""The rule every file breaks: there is no web address of portproof to name. A file in which not
even this is found was not looked at: of one it cannot read, the program says nothing."""

_NOWHERE: Final = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
"""It would fetch every web address of a file to see whether it is there; it must not."""


def multitool() -> Path:
    """Where Microsoft's SARIF Multitool is; skips without it, fails under CI."""
    if not _MULTITOOL.is_dir():
        stop = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        stop("missing sarif-multitool: run npm ci in tests/support/validators")
    return _MULTITOOL


def sarif_problems(folder: Path) -> dict[str, list[str]]:
    """What the Multitool says against each SARIF file of a folder, with GitHub's rules too."""
    out = folder / "problems.json"
    program, files = str(multitool() / "Sarif.Multitool"), sorted(folder.glob("*.sarif"))
    options = ["--rule-kind", "Sarif;Ghas", "--level", "Error;Warning", "--output", str(out)]
    command = [program, "validate", *options, *map(str, files)]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | _NOWHERE)
    problems: dict[str, list[str]] = {file.name: [] for file in files}
    for found in json.loads(out.read_text(encoding="utf-8-sig"))["runs"][0]["results"]:
        place = found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        problems[place.rsplit("/", 1)[1]].append(_words(found))
    return {name: _seen(name, told) for name, told in problems.items()}


def _words(found: dict[str, Any]) -> str:
    return " ".join([found["ruleId"], *found["message"].get("arguments", ())])


def _seen(name: str, told: list[str]) -> list[str]:
    assert any(text.startswith(_WITNESS) for text in told), f"{name} was not looked at"
    return [text for text in told if not text.startswith(f"{_WITNESS} runs[0].tool.driver portpr")]


def schema_problems(validator: Validator, documents: Iterable[Any]) -> list[str]:
    """What a JSON Schema says against documents."""
    return [
        f"{error.json_path}: {error.message[:200]}"
        for document in documents
        for error in validator.iter_errors(document)
    ]


@cache
def sarif_schema() -> Validator:
    """The schema of SARIF 2.1.0, from the Multitool's package."""
    return Draft7Validator(json.loads((multitool() / "sarif-2.1.0.json").read_text("utf-8-sig")))


@cache
def ocsf_schema() -> Validator:
    """The schema of OCSF's Compliance Finding, made by ocsf-json-schema."""
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema("1.8.0")).get_class_schema("compliance_finding")
    return validator_for(schema)(schema)


def oscal_problems(text: str) -> list[str]:
    """What the bindings of NIST's schema say against a document."""
    try:
        AssessmentResultsDocument.model_validate_json(text)
    except ValidationError as error:
        return [f"{each['loc']}: {each['msg']}" for each in error.errors()]
    return []
