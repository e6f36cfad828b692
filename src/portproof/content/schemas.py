"""JSON Schemas for editors, generated from the models."""

import json
from typing import Final

from pydantic import BaseModel

from portproof.policy.checks import Check
from portproof.policy.policy import Policy
from portproof.policy.policy_tests import PolicyTest

_MODELS: Final[dict[str, type[BaseModel]]] = {"policy": Policy, "check": Check, "test": PolicyTest}


def schema_text(what: str) -> str:
    """Return the schema of a ``policy``, a ``check`` or a ``test``, as docs/schemas has it."""
    schema = _MODELS[what].model_json_schema()
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(document, indent=2) + "\n"
