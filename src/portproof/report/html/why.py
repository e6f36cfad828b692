"""Show who is behind a listener: facts about each process, and the classification."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from portproof.model.why import Classification, Executable, OnDisk, PortCategory, Unit, Why
from portproof.report.words.text import Passage, prose
from portproof.text.times import since_epoch
from portproof.text.words import number

LOOKS: Final = {
    PortCategory.SUSPICIOUS: "Looks suspicious",
    PortCategory.LEGACY: "Looks like old software",
    PortCategory.UNRELATED: "Looks unrelated: it only uses the port",
    PortCategory.UNKNOWN: "Unknown program",
}
_FATES: Final = {
    OnDisk.REPLACED: "replaced on disk while it runs",
    OnDisk.DELETED: "deleted on disk while it runs",
    OnDisk.MEMORY: "never was on disk",
}


@dataclass(frozen=True, slots=True)
class ClassificationText:
    """A classification in words: how it looks, the reasons, and what to do next."""

    kind: str
    looks: str
    reasons: tuple[str, ...]
    next_step: tuple[Passage, ...]


def story(reading: Classification | None) -> ClassificationText | None:
    """Describe a classification in words."""
    if reading is None:
        return None
    return ClassificationText(
        kind=reading.kind.value,
        looks=LOOKS[reading.kind],
        reasons=reading.reasons,
        next_step=prose(reading.next_step),
    )


def told(why: Why) -> Iterator[tuple[str, str]]:
    """Return what is known of a process beyond what its listener says, as labels and values."""
    facts = (
        ("Chain", _chain(why)),
        ("Folder", why.process.cwd),
        ("File", _file(why.executable) if why.executable else ""),
        ("SHA-256", why.executable.sha256 if why.executable else ""),
        ("Package", _package(why)),
        ("Unit", _unit(why.unit) if why.unit else ""),
        ("Sockets", ", ".join(f"{each.name} ({', '.join(each.listens)})" for each in why.sockets)),
        ("Job", why.launchd),
        ("Services", ", ".join(service.name for service in why.services)),
        ("Container", _container(why)),
        ("Terminal", why.session.terminal if why.session else ""),
        ("Signature", _signature(why)),
    )
    return ((label, value) for label, value in facts if value)


def _chain(why: Why) -> str:
    people = (why.process, *why.parents)
    return " ← ".join(f"{each.name or 'unnamed'} ({each.pid})" for each in people)


def _file(file: Executable) -> str:
    parts = (
        _FATES.get(file.on_disk, ""),
        "" if file.modified is None else f"changed {since_epoch(file.modified)}",
        "" if file.size is None else f"{number(file.size)} bytes",
        "" if file.owner is None else f"owned by user id {file.owner}",
        "every user can write to it" if file.world_writable else "",
        f"also called {file.link}" if file.link else "",
    )
    return ", ".join(part for part in parts if part)


def _package(why: Why) -> str:
    package = why.package
    if package is None:
        return f"none, says {' and '.join(why.unowned_by)}" if why.unowned_by else ""
    changed = {True: ", file unchanged", False: ", file changed since", None: ""}
    name = f"{package.name} {package.version}".strip()
    return f"{name} ({package.manager}){changed[package.unchanged]}"


def _unit(unit: Unit) -> str:
    if not unit.activated:
        return unit.name
    return f"{unit.name}, its socket opened by {unit.socket or 'systemd'}"


def _container(why: Why) -> str:
    container = why.container
    if container is None:
        return ""
    parts = (
        container.name,
        container.image,
        container.id,
        container.pod and f"pod {container.pod}",
    )
    return f"{container.runtime}: {', '.join(part for part in parts if part)}"


def _signature(why: Why) -> str:
    if why.signature is None:
        return ""
    by = f" by {why.signature.signer}" if why.signature.signer else ""
    return f"{why.signature.result}{by}"
