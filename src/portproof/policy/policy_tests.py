"""Policy tests: given these listeners on this platform, expect these verdicts."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from portproof.model.addresses import Stack, exposure, parse_address
from portproof.model.base import Model, Slug, Text
from portproof.model.listeners import Listener, Owner, Place
from portproof.model.observation import Platform, Reason
from portproof.model.ports import PortRange, PortSet
from portproof.model.verdicts import Verdict

_EVERYWHERE = "0.0.0.0"  # noqa: S104 - the address of a listener that a test describes


class GivenListener(Model):
    """A listener that a test says is there.

    ``stack`` is needed only for IPv6 wildcards; ``::`` alone may serve IPv4 too, as on Linux.
    """

    port: Annotated[Text, Field(description="One port with its protocol, such as 609/tcp.")]
    at: Annotated[Text, Field(description="The bound address; every IPv4 one by default.")] = (
        _EVERYWHERE
    )
    stack: Annotated[Stack | None, Field(description="What an IPv6 wildcard serves.")] = None
    process: Annotated[str, Field(description="Process name; empty if it could not be seen.")] = (
        "listener"
    )
    path: Annotated[str, Field(description="Path of the executable.")] = "/usr/sbin/listener"
    user: Annotated[str, Field(description="User name.")] = "root"
    namespace: Annotated[
        Literal["host", "container"], Field(description="Whose network it is in.")
    ] = "host"

    def listener(self) -> Listener:
        """Return the listener as it would be observed."""
        (port,) = _one_port(self.port)
        address = parse_address(self.at)
        return Listener(
            protocol=port.protocol,
            address=str(address),
            port=port.first,
            stack=self.stack or _stack(address.version, wildcard=address.is_unspecified),
            exposure=exposure(address),
            place=Place.HOST if self.namespace == "host" else Place.OTHER,
            namespace=self.namespace,
            owners=(Owner(1000, self.process, self.path, user=self.user),),
        )


def _stack(version: int, *, wildcard: bool) -> Stack:
    if version == 4:  # noqa: PLR2004 - the version of IP
        return Stack.IPV4
    return Stack.IPV6_MAYBE_DUAL if wildcard else Stack.IPV6


def _one_port(text: str) -> tuple[PortRange, ...]:
    return PortSet.parse(text).ranges


def _given(value: Any) -> Any:  # noqa: ANN401 - whatever the user's YAML held
    """Read the short form ``609/tcp`` or ``609/udp at 127.0.0.1``."""
    if not isinstance(value, str):
        return value
    port, _, address = value.partition(" at ")
    return {"port": port, "at": address} if address else {"port": port}


def _sound(given: GivenListener) -> GivenListener:
    try:
        ranges = _one_port(given.port)
        parse_address(given.at)
    except ValueError as error:
        raise PydanticCustomError("given", "{text}", {"text": str(error)}) from None
    if len(ranges) != 1 or ranges[0].first != ranges[0].last:
        text = f"{given.port!r} is not one listener; write a port with its protocol, as 609/tcp"
        raise PydanticCustomError("given", "{text}", {"text": text})
    return given


class ExpectedVerdict(Model):
    """A verdict, with the reason if it is unproven."""

    verdict: Verdict
    reason: Reason | None = None

    def __str__(self) -> str:
        return f"{self.verdict} {self.reason}" if self.reason else str(self.verdict)


def _expected(value: Any) -> Any:  # noqa: ANN401 - whatever the user's YAML held
    if not isinstance(value, str):
        return value
    verdict, _, reason = value.partition(" ")
    return {"verdict": verdict, "reason": reason or None}


Listening = Annotated[
    GivenListener,
    BeforeValidator(_given, json_schema_input_type=str | GivenListener),
    AfterValidator(_sound),
]
ExpectedField = Annotated[
    ExpectedVerdict,
    BeforeValidator(_expected),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string"}),
]


class PolicyTestCase(Model):
    """One test: the state of a host, and the verdicts expected of the rules.

    Everything left out is as on a host that was looked at with full proof and has no listener at
    all. ``rows`` gives the answers of checks: rows, or just how many there are.
    """

    case: Annotated[Text, Field(description="What it shows, in one line.")]
    platform: Annotated[Platform, Field(description="The host's platform.")] = Platform.LINUX
    groups: Annotated[tuple[Text, ...], Field(description="The host's groups.")] = ()
    given: Annotated[tuple[Listening, ...], Field(description="What listens.")] = ()
    rows: dict[Slug, int | tuple[dict[str, str], ...]] = Field(
        default_factory=dict, description="Answers of checks."
    )
    unseen: Annotated[Reason | None, Field(description="Why the look proves nothing.")] = None
    expect: Annotated[
        dict[Slug, ExpectedField], Field(min_length=1, description="Verdicts by rule.")
    ]


class PolicyTest(Model):
    """The tests of one policy, in a file ``*.test.yml`` beside it."""

    test: Annotated[Slug, Field(description="The id of the policy.")]
    cases: Annotated[tuple[PolicyTestCase, ...], Field(min_length=1)]
