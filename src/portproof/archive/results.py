"""Reads results back from audit folders: everything a report is rendered from."""

import contextlib
import gc
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from pydantic import BaseModel, ValidationError

from portproof.archive.document import AuditDocument, JudgedBy, JudgedHost
from portproof.archive.folder import Manifest
from portproof.archive.integrity import check_format, insist, read_bytes, read_manifest, wrong
from portproof.errors import Code
from portproof.model.verdicts import LETTERS, PASSED, Judgement, Verdict
from portproof.policy.checks import Check
from portproof.policy.policy import BoundRule, Policy
from portproof.policy.waivers import BoundWaiver, Waiver
from portproof.result.basis import Basis
from portproof.result.changes import EarlierAudit
from portproof.result.result import AUDIT_FORMAT, AuditResult, HostResult, Run, Totals

AUDIT: Final = "audit.json"
_VERDICTS: Final = {letter: verdict for verdict, letter in LETTERS.items()}
_UNTOLD: Final = Judgement(Verdict.NOT_APPLICABLE, detail="the audit did not record why")

M = TypeVar("M", bound=BaseModel)


class _Summary(msgspec.Struct, frozen=True):
    run: Run
    totals: Totals


@dataclass(frozen=True, slots=True)
class Stored:
    """A result as it was written, with the totals and the exit code that stand beside it."""

    result: AuditResult
    totals: Totals
    exit_code: int

    @property
    def adds_up(self) -> bool:
        """Whether the totals and the exit code are those of the verdicts."""
        told = self.result.totals
        same = self.totals in (told, _as_first_counted(told))
        return same and self.exit_code == int(self.result.exit_code)


def _as_first_counted(totals: Totals) -> Totals:
    """The same totals by the first versions: a host without a judged rule was a proven one."""
    proven = totals.hosts_proven + totals.hosts_not_judged
    return msgspec.structs.replace(totals, hosts_proven=proven, hosts_not_judged=0)


def read_result(folder: Path) -> AuditResult:
    """Return the result of a complete audit, ready to be rendered again.

    Raises:
        ContentError: the folder is of no audit, is half written, edited, damaged, or of a newer
            version of portproof.
    """
    manifest = read_manifest(folder)
    insist(folder, manifest)
    stored = read_stored(folder, manifest)
    if stored.result.run != manifest.run:
        raise wrong(folder / AUDIT, "is of another run than the manifest", Code.EDITED)
    if not stored.adds_up:
        raise wrong(folder / AUDIT, "has totals that are not those of its verdicts", Code.EDITED)
    return stored.result


def read_past(folder: Path) -> EarlierAudit:
    """Return the totals of an audit, without its hosts.

    Raises:
        ContentError: the folder's ``audit.json`` cannot be read, or was edited.
    """
    data = _whole_document(folder, read_manifest(folder))
    check_format(folder / AUDIT, data, AUDIT_FORMAT)
    try:
        told = msgspec.json.decode(data, type=_Summary)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise wrong(folder / AUDIT, f"is damaged: {error}", Code.DAMAGED) from error
    return EarlierAudit(told.run.finished, str(folder), told.totals.hosts, told.totals.verdicts)


def _whole_document(folder: Path, manifest: Manifest) -> bytes:
    file = folder / AUDIT
    told = manifest.files.get(AUDIT)
    if told is None:
        text = "is not in the manifest; there is no result to read"
        raise wrong(file, text, Code.NOT_AN_AUDIT)
    data = read_bytes(file)
    if hashlib.sha256(data).hexdigest() != told.sha256:
        text = "was edited: its SHA-256 is not the one in the manifest"
        raise wrong(file, text, Code.EDITED)
    return data


def read_stored(folder: Path, manifest: Manifest) -> Stored:
    """Return what ``audit.json`` holds, whether it is consistent or not.

    Raises:
        ContentError: it was edited, is damaged, or of a newer version.
    """
    with _collector_off():
        return _read(folder / AUDIT, _whole_document(folder, manifest))


@contextlib.contextmanager
def _collector_off() -> Iterator[None]:
    """Read without looking for garbage meanwhile: a million findings take 6 seconds, not 47."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _read(file: Path, data: bytes) -> Stored:
    check_format(file, data, AUDIT_FORMAT)
    try:
        document = msgspec.json.decode(data, type=AuditDocument)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise wrong(file, f"is damaged: {error}", Code.DAMAGED) from error
    try:
        return Stored(_result(document), document.totals, document.exit_code)
    except _DamagedError as error:
        raise wrong(file, f"is damaged: {error}", Code.DAMAGED) from error


class _DamagedError(Exception):
    """The document contradicts itself."""


def _result(document: AuditDocument) -> AuditResult:
    rules = _rules(document)
    grouped = document.by_control
    return AuditResult(
        document.run,
        rules,
        _Hosts(document, [bound.key for bound in rules]).results(),
        checks=[_model(Check, check) for check in document.checks],
        warnings=document.warnings,
        basis=None if document.basis is None else _basis(document.basis),
        framework=None if grouped is None else grouped.framework,
        changes=document.changes,
    )


def _model(kind: type[M], value: dict[str, Any]) -> M:
    try:
        return kind.model_validate(value)
    except (ValidationError, RecursionError) as error:
        text = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise _DamagedError(f"it holds a {kind.__name__.lower()} that is none: {text}") from error


def _rules(document: AuditDocument) -> tuple[BoundRule, ...]:
    policies = [_model(Policy, policy) for policy in document.policies]
    known = {
        f"{policy.policy}/{rule.id}": (policy, rule) for policy in policies for rule in policy.rules
    }
    unknown = [rule.key for rule in document.rules if rule.key not in known]
    if unknown:
        raise _DamagedError(f"no policy in it has the rule {unknown[0]!a}")
    if len({rule.key for rule in document.rules}) != len(document.rules):
        raise _DamagedError("a rule is in it twice")
    chosen = {name: frozenset(hosts) for name, hosts in document.chosen_for.items()}
    return tuple(
        BoundRule(*known[rule.key], rule.file, rule.line, chosen.get(rule.key.partition("/")[0]))
        for rule in document.rules
    )


def _basis(basis: JudgedBy) -> Basis:
    waivers = tuple(
        BoundWaiver(_model(Waiver, each.waiver), each.rule, each.file, each.line, each.index)
        for each in basis.waivers
    )
    return Basis(
        today=basis.today,
        waivers=waivers,
        warn_days=basis.warn_days,
        require_witness=basis.require_witness,
        everyone=basis.everyone,
        members=basis.members,
        warnings=basis.warnings,
    )


class _Hosts:
    """Puts hosts and judgements together; hosts that are alike share their judgements."""

    def __init__(self, document: AuditDocument, keys: list[str]) -> None:
        self._document = document
        self._keys = keys
        self._places = {key: index for index, key in enumerate(keys)}
        self._own: dict[str, dict[int, Judgement]] = {}
        for each in document.judgements:
            self._own.setdefault(each.host, {})[self._place(each.rule)] = each.judgement
        self._elsewhere = {
            (self._place(each.rule), each.platform): each.judgement
            for each in document.not_applicable
        }
        self._shared: dict[tuple[str, str], tuple[Judgement, ...]] = {}

    def _place(self, rule: str) -> int:
        if rule not in self._places:
            raise _DamagedError(f"it judges by the rule {rule!a}, which it does not have")
        return self._places[rule]

    def results(self) -> tuple[HostResult, ...]:
        """Return every host with its judgements."""
        hosts = self._document.hosts
        names = {host.name for host in hosts}
        if len(names) != len(hosts):
            raise _DamagedError("a host is in it twice")
        strangers = sorted(set(self._own) - names)
        if strangers:
            raise _DamagedError(f"it judges the host {strangers[0]!a}, which it does not have")
        return tuple(map(self._host, hosts))

    def _host(self, host: JudgedHost) -> HostResult:
        judgements = self._usual(host.verdicts, host.seen.platform, own := self._own.get(host.name))
        if own:
            judgements = tuple(own.get(at, each) for at, each in enumerate(judgements))
        letters = "".join(LETTERS[each.verdict] for each in judgements) if own else host.verdicts
        if letters != host.verdicts:
            raise _DamagedError(f"the verdicts of {host.name!a} are not those of its judgements")
        return HostResult(host.name, host.groups, judgements, host.seen)

    def _usual(
        self, verdicts: str, platform: str, own: Iterable[int] | None
    ) -> tuple[Judgement, ...]:
        """Judgements of which no more is said than their letters; the others are still to come."""
        if len(verdicts) != len(self._keys):
            raise _DamagedError(f"it has {len(self._keys)} rules and {len(verdicts)} verdicts")
        if own is not None:
            return self._plain(verdicts, platform, set(own))
        if (verdicts, platform) not in self._shared:
            self._shared[verdicts, platform] = self._plain(verdicts, platform, set())
        return self._shared[verdicts, platform]

    def _plain(self, verdicts: str, platform: str, told: set[int]) -> tuple[Judgement, ...]:
        return tuple(
            PASSED if at in told else self._judgement(at, letter, platform)
            for at, letter in enumerate(verdicts)
        )

    def _judgement(self, at: int, letter: str, platform: str) -> Judgement:
        verdict = _VERDICTS.get(letter)
        if verdict is Verdict.PASS:
            return PASSED
        if verdict is Verdict.NOT_APPLICABLE:
            return self._elsewhere.get((at, platform), _UNTOLD)
        raise _DamagedError(f"the verdict {letter!a} by {self._keys[at]} is without its judgement")
