"""What every rule has, and the interface of a rule kind."""

import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, ClassVar, Final, Literal, TypeVar

from pydantic import Discriminator, Field, Tag

from portproof.model.addresses import ANY, Covers, Scope, ScopeField
from portproof.model.base import HostsField, Maps, Model, Severity, Slug, Text, TextByPlatform
from portproof.model.host_facts import HostFacts
from portproof.model.listeners import Listener, Owner, Place
from portproof.model.observation import Platform
from portproof.model.ports import Protocol, mistaken
from portproof.model.verdicts import Finding, Judgement

T = TypeVar("T")

MOST_FINDINGS: Final = 1000
"""Findings of one rule on one host that are listed one by one."""

_COMM: Final = 15
"""Bytes of a process name that Linux keeps (``TASK_COMM_LEN`` less the NUL, proc(5))."""
_WILDCARD: Final = re.compile(r"[*?\[]")


class Rule(Model):
    """One thing that must hold on the hosts it is for."""

    kind: ClassVar[str]
    """The key that makes a mapping in ``rules`` this kind of rule."""

    id: Annotated[Slug, Field(description="Unique within the policy.")]
    title: Annotated[Text | None, Field(description="What holds, in one line.")] = None
    hosts: Annotated[HostsField | None, Field(description="Narrows the policy's hosts.")] = None
    severity: Annotated[Severity | None, Field(description="Overrides the policy's.")] = None
    because: Annotated[Text | None, Field(description="Why it matters.")] = None
    fix: Annotated[TextByPlatform | None, Field(description="What to do when it fails.")] = None
    maps: Maps = Field(default_factory=dict)
    refs: Annotated[tuple[Text, ...], Field(description="Where the facts come from.")] = ()

    needs_answers: ClassVar[bool] = False
    """Whether the verdict depends on more than listeners and doubts."""

    def watches(self, protocol: Protocol, port: int) -> bool:  # noqa: ARG002 - kinds that judge listeners use both
        """Return whether a listener on this port can change the verdict."""
        return False

    @abstractmethod
    def judge(self, listeners: Sequence[Listener], facts: HostFacts) -> Judgement:
        """Judge a host by the listeners this rule watches and what else is known of it."""

    def flaw(self) -> str | None:
        """Return why this rule can never match anything, or None."""
        return None

    def mutants(self) -> Iterator[tuple[str, "Rule"]]:
        """Yield copies of the rule with one mistake each; a policy's tests should notice them."""
        yield from ()

    @abstractmethod
    def summary(self) -> str:
        """Return the rule in a short line, such as ``closed 609``."""


Globs = Annotated[
    Annotated[Text, Tag("text")] | Annotated[tuple[Text, ...], Field(min_length=1), Tag("list")],
    Discriminator(lambda value: "text" if isinstance(value, str) else "list"),
]


class By(Model):
    """Who may, must or must not hold a socket; shell-style wildcards are understood.

    Names and paths are compared as the platform does: case does not matter on Windows. Linux cuts
    the name of a process at 15 bytes (``TASK_COMM_LEN``, proc(5)), so a longer one is compared with
    the file name of its executable.
    """

    process: Annotated[Globs | None, Field(description="Process name.")] = None
    path: Annotated[Globs | None, Field(description="Path of the executable.")] = None
    user: Annotated[Globs | None, Field(description="User name.")] = None

    def matches(self, owner: Owner, platform: Platform) -> Covers:
        """Return whether an owner matches; ``MAYBE`` if the deciding value could not be seen."""
        asked = ((self.path, owner.path), (self.user, owner.user))
        compare = _matches_any_case if platform is Platform.WINDOWS else _matches
        found = [compare(_tuple(globs), text) for globs, text in asked if globs is not None]
        if self.process is not None:
            names = _tuple(self.process)
            found.append(compare(names, owner.name))
            if platform is Platform.LINUX and found[-1] is Covers.NO:
                found[-1] = _any([_matches_cut(glob, owner) for glob in names])
        return _all(found)

    def any_of(self, owners: Iterable[Owner], platform: Platform) -> Covers:
        """Return whether at least one owner is meant."""
        return _any([self.matches(owner, platform) for owner in owners])

    def all_of(self, owners: Iterable[Owner], platform: Platform) -> Covers:
        """Return whether every owner is meant."""
        return _all([self.matches(owner, platform) for owner in owners])

    def idle(self, owners: Sequence[tuple[Owner, Platform]]) -> Iterator[str]:
        """Yield the names that none of the owners has, such as ``process nginx``."""
        for key in ("process", "path", "user"):
            for glob in _tuple(getattr(self, key) or ()):
                alone = By(**{key: glob})
                if not any(alone.matches(*each) is Covers.YES for each in owners):
                    yield f"{key} {glob}"

    def __str__(self) -> str:
        parts = (("process", self.process), ("path", self.path), ("user", self.user))
        return ", ".join(f"{name} {' or '.join(_tuple(g))}" for name, g in parts if g)


def _tuple(globs: str | tuple[str, ...]) -> tuple[str, ...]:
    return (globs,) if isinstance(globs, str) else globs


def _matches(globs: tuple[str, ...], text: str) -> Covers:
    if not text:
        return Covers.MAYBE
    return Covers.YES if any(fnmatchcase(text, glob) for glob in globs) else Covers.NO


def _matches_any_case(globs: tuple[str, ...], text: str) -> Covers:
    return _matches(tuple(glob.casefold() for glob in globs), text.casefold())


def _matches_cut(glob: str, owner: Owner) -> Covers:
    """Compare a name with that of a process on Linux, which may have been cut."""
    name = owner.name.encode("utf-8", "surrogateescape")
    if len(name) < _COMM:
        return Covers.NO
    whole = owner.path.rpartition("/")[2].removesuffix(" (deleted)")
    if whole.encode("utf-8", "surrogateescape").startswith(name):
        return Covers.YES if fnmatchcase(whole, glob) else Covers.NO
    fixed = _WILDCARD.split(glob)[0].encode("utf-8", "surrogateescape")
    could_be = fixed.startswith(name) or (len(fixed) < len(glob) and name.startswith(fixed))
    return Covers.MAYBE if could_be else Covers.NO


def _any(parts: list[Covers]) -> Covers:
    return next((sure for sure in (Covers.YES, Covers.MAYBE) if sure in parts), Covers.NO)


def _all(parts: list[Covers]) -> Covers:
    return next((sure for sure in (Covers.NO, Covers.MAYBE) if sure in parts), Covers.YES)


class PortRule(Rule):
    """A rule about listeners: where it looks, and whose listeners it means."""

    at: ScopeField = Field(
        default="any", validate_default=True, description="Which bound addresses count."
    )
    by: Annotated[By | None, Field(description="Whose listeners count.")] = None
    namespaces: Annotated[
        Literal["host", "all"],
        Field(description="The host's own network namespace, or containers' too."),
    ] = "host"

    def flaw(self) -> str | None:
        """Report a ``by`` without any name as a mistake."""
        if self.by is not None and not str(self.by):
            return "by is empty; name a process, a path or a user"
        return None

    def mutants(self) -> Iterator[tuple[str, Rule]]:
        """Yield ports shifted by one, protocols swapped or left out, and scope or owner ignored."""
        for name, ports in mistaken(getattr(self, self.kind)):
            yield name, self.model_copy(update={self.kind: ports})
        for scope in ("external", "loopback") if self.at == ANY else ("any",):
            yield f"at {scope}", self.model_copy(update={"at": Scope([scope])})
        if self.by is not None:
            yield "by anybody", self.model_copy(update={"by": None})

    def in_place(self, listener: Listener) -> bool:
        """Return whether the listener's namespace is judged; an unreadable one counts."""
        return self.everywhere or listener.place is not Place.OTHER

    @property
    def everywhere(self) -> bool:
        """Whether namespaces other than the host's count."""
        return self.namespaces == "all"

    def where(self) -> str:
        """Return the limits of the rule as text, for its summary."""
        at = "" if self.at == ANY else f" at {self.at}"
        by = f" by {self.by}" if self.by else ""
        return f"{at}{by}"


def describe(listener: Listener) -> str:
    """Describe a listener in a sentence: who listens where, and how far that reaches."""
    by = f"published by {' and '.join(map(str, listener.published))}"
    if not listener.socket:
        return f"{listener.endpoint} ({_reach(listener)}) is {by}"
    who = _who(listener.owners)
    verb = "listens" if len(who) == 1 else "listen"
    told = f"{' and '.join(who)} {verb} on {listener.endpoint} ({_reach(listener)})"
    return f"{told}, {by}" if listener.published else told


def found(listener: Listener) -> Finding:
    """Make a finding of a listener that must not be there."""
    return Finding(describe(listener), listener=listener)


def bounded(things: Sequence[T], make: Callable[[T], Finding]) -> list[Finding]:
    """Make findings of the first of many things, and one that stands for the rest.

    One host may have a million of them. The last finding has no listener, so no waiver for some
    listeners covers what is not listed.
    """
    findings = [make(each) for each in things[:MOST_FINDINGS]]
    rest = len(things) - len(findings)
    return [*findings, Finding(f"and {rest} more, which are in the evidence")] if rest else findings


def _who(owners: Sequence[Owner]) -> list[str]:
    names = sorted({owner.name for owner in owners if owner.name})
    pids = sorted({owner.pid for owner in owners if owner.pid is not None})
    users = sorted({f" of user {owner.user}" for owner in owners if owner.user})
    hidden = [f"an unknown process{user}" for user in users or [""]]
    return names or [f"process {pid}" for pid in pids] or hidden


_STACKS = {
    "dual": "IPv6 and IPv4",
    "ipv6-maybe-dual": "IPv6, and IPv4 unless the socket is IPv6-only",
}
_PLACES = {
    Place.OTHER: "in another network namespace",
    Place.UNKNOWN: "in a network namespace that could not be read",
}


def _reach(listener: Listener) -> str:
    address = "every address" if listener.exposure == "wildcard" else listener.exposure.value
    parts = (address, _STACKS.get(listener.stack), _PLACES.get(listener.place))
    return "; ".join(part for part in parts if part)
