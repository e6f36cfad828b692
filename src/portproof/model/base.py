"""What every declared model has in common, and the small types they share."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    StringConstraints,
    Tag,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from portproof.model.observation import Platform
from portproof.model.patterns import HostPattern


class Model(BaseModel):
    """A frozen declaration: unknown keys are refused, wrong types are not bent into right ones."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        str_strip_whitespace=True,
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,
    )


Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
"""Text that says something."""

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+([._-][a-z0-9]+)*$", max_length=80)]
"""An id: lower-case letters and digits, joined by single ``-``, ``_`` or ``.``."""

Maps = Annotated[
    dict[Slug, Annotated[tuple[Text, ...], Field(min_length=1)]],
    Field(description="Control numbers by framework, such as nist-800-53: [CM-7]."),
]


class Severity(StrEnum):
    """How bad it is when a rule fails."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for ``info`` up to 4 for ``critical``."""
        return list(Severity).index(self)


class ByPlatform(Model):
    """One text for each platform that has one."""

    linux: Text | None = None
    macos: Text | None = None
    windows: Text | None = None


TextByPlatform = Annotated[
    Annotated[Text, Tag("text")] | Annotated[ByPlatform, Tag("platforms")],
    Discriminator(lambda value: "text" if isinstance(value, str) else "platforms"),
]
"""One text for every platform, or one for each. Told apart by form, so that errors name one."""


def for_platform(text: str | ByPlatform | None, platform: Platform) -> str | None:
    """Return the text that applies on a platform: a plain text applies on all."""
    if isinstance(text, ByPlatform):
        value: str | None = getattr(text, platform.value)
        return value
    return text


def _host_pattern(value: Any) -> HostPattern:  # noqa: ANN401 - whatever the user's YAML held
    if isinstance(value, HostPattern):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("hosts", "hosts is a pattern such as web:&prod:!canary, or all")
    try:
        return HostPattern(value)
    except ValueError as error:
        raise PydanticCustomError("hosts", "{text}", {"text": str(error)}) from None


HostsField = Annotated[
    HostPattern,
    BeforeValidator(_host_pattern),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "description": "An Ansible host pattern."}),
]
"""A pydantic field that reads a host pattern."""
