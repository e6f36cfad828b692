"""Recompute a folder: its hashes, its signature, and every verdict from the evidence."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from portproof import __version__
from portproof.app.judge_evidence import unseen
from portproof.app.rejudge import job_of
from portproof.archive.folder import EVIDENCE, MANIFEST, REQUEST, SIGNATURE, Manifest
from portproof.archive.integrity import (
    differences,
    extra_files,
    is_half_written,
    read_bytes,
    read_manifest,
    why_without_manifest,
)
from portproof.archive.read import read_evidence, read_request
from portproof.archive.results import AUDIT, read_stored
from portproof.archive.signing import BadSignatureError, check, public_keys
from portproof.errors import ContentError
from portproof.exitcodes import ExitCode
from portproof.judge.job import Judging
from portproof.model.observation import FailedLook
from portproof.model.verdicts import Judgement
from portproof.result.basis import Basis
from portproof.result.result import AuditResult, HostResult
from portproof.run.audit import interrupted

_NO_BASIS: Final = (
    "made by a version that did not record everything that verdicts depend on; not judged again"
)
_TAKEN_AWAY: Final = f"is missing: the audit was asked to sign its manifest, as {REQUEST} says"


class Difference(NamedTuple):
    """A difference: the file, or the host and rule, and what differs."""

    where: str
    what: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What verifying a folder found.

    Attributes:
        differences: What does not match.
        unchecked: What could not be checked, and why.
        notes: Other information for the reader.
        held: What was checked and matches, in words.
    """

    differences: tuple[Difference, ...] = ()
    unchecked: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    held: str = ""

    @property
    def exit_code(self) -> ExitCode:
        """Return 1 if something differs, 3 if something could not be checked, else 0."""
        if self.differences:
            return ExitCode.FAILED
        return ExitCode.INCOMPLETE if self.unchecked else ExitCode.PROVEN


@dataclass(slots=True)
class _Findings:
    """What was found so far."""

    differences: list[Difference] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def verification(self, held: str) -> Verification:
        """Return all of it."""
        found = (tuple(self.differences), tuple(self.unchecked), tuple(self.notes))
        return Verification(*found, held)


def verify(folder: Path, key: Path | None = None) -> Verification:
    """Recompute every hash, the signature, every verdict and the totals of a folder.

    Args:
        folder: The folder of an audit.
        key: An Ed25519 public key of OpenSSH's form, or a file of allowed signers; one of the keys
            must have signed the manifest. None: any key may have.

    Raises:
        ContentError: it is not the folder of an audit, or cannot be read.
    """
    trusted = None if key is None else public_keys(key)
    if is_half_written(folder):
        return Verification(unchecked=(f"it {why_without_manifest(folder)}",))
    manifest = read_manifest(folder)
    found = _Findings()
    found.differences += _files(folder, manifest)
    _check_signature(folder, trusted, found)
    told = f"{len(manifest.files)} files"
    if any(each.where == AUDIT for each in found.differences):
        found.unchecked.append(f"{AUDIT} differs; no verdict was judged again")
        return found.verification(told)
    hosts = _check_result(folder, manifest, found)
    return found.verification(f"{told}, {hosts}")


def _files(folder: Path, manifest: Manifest) -> Iterator[Difference]:
    for each in (*differences(folder, manifest), *extra_files(folder, manifest)):
        yield Difference(*each)
    data = read_bytes(folder / MANIFEST)
    if msgspec.json.format(data) + b"\n" != data:
        yield Difference(MANIFEST, "was edited: its format is not that of portproof")


def _check_signature(folder: Path, trusted: tuple[bytes, ...] | None, found: _Findings) -> None:
    file = folder / SIGNATURE
    if not file.exists() and not file.is_symlink():
        _check_unsigned(folder, trusted, found)
        return
    try:
        signed = check(read_bytes(file), read_bytes(folder / MANIFEST), trusted)
    except BadSignatureError as error:
        found.differences.append(Difference(SIGNATURE, str(error)))
        return
    unknown = "" if trusted else "; to check whose key it is, use --key"
    found.notes.append(f"the signature holds, by {signed.fingerprint}{unknown}")


def _check_unsigned(folder: Path, trusted: tuple[bytes, ...] | None, found: _Findings) -> None:
    if trusted is not None:
        found.differences.append(Difference(SIGNATURE, "is missing: the manifest was not signed"))
    elif any(each.where == REQUEST for each in found.differences):
        found.unchecked.append(f"{REQUEST} differs; whether the manifest was signed is not known")
    elif not (folder / REQUEST).exists():
        found.unchecked.append(
            f"there is no {REQUEST}, so it is not known whether the manifest was signed"
        )
    elif read_request(folder).sign is not None:
        found.differences.append(Difference(SIGNATURE, _TAKEN_AWAY))
    else:
        found.notes.append("the manifest is not signed")


def _check_result(folder: Path, manifest: Manifest, found: _Findings) -> str:
    stored = read_stored(folder, manifest)
    result = stored.result
    if _raw_run(folder / MANIFEST) != _raw_run(folder / AUDIT):
        found.differences.append(Difference(MANIFEST, f"belongs to another run than {AUDIT}"))
    if not stored.adds_up:
        text = "has totals or an exit code that do not match its verdicts"
        found.differences.append(Difference(AUDIT, text))
    if result.run.version != __version__:
        text = f"made by portproof {result.run.version}; this is {__version__}"
        found.notes.append(f"{text}, so wording is not compared")
    if result.basis is None:
        found.unchecked.append(_NO_BASIS)
        return f"{len(result.hosts)} hosts"
    try:
        found.differences += _verdicts(folder, result, result.basis)
    except ContentError as error:
        found.differences += [Difference(EVIDENCE, each.message) for each in error.problems]
    return f"{len(result.hosts)} hosts, {len(result.hosts) * len(result.rules)} verdicts"


class _RawRun(msgspec.Struct, frozen=True):
    run: dict[str, object]


def _raw_run(file: Path) -> dict[str, object]:
    """Return the identity of a run with every field that the file has, known or not."""
    try:
        return msgspec.json.decode(read_bytes(file), type=_RawRun).run
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}


def _verdicts(folder: Path, result: AuditResult, basis: Basis) -> Iterator[Difference]:
    job = job_of(result, basis)
    judging = Judging(job)
    left = {host.name: host for host in job.inventory.hosts}
    stored = {host.name: host for host in result.hosts}
    for evidence in read_evidence(folder):
        host = left.pop(evidence.host, None)
        if host is None:
            where = "twice in the evidence" if evidence.host in stored else "not in the audit"
            yield Difference(evidence.host, f"is {where}")
        elif evidence.groups != host.groups:
            yield Difference(host.name, "has other groups in its evidence")
        else:
            yield from _host(result, stored[host.name], judging(host, evidence.look))
    for host in left.values():
        look = _never_came(result, stored[host.name])
        if look is None:
            yield Difference(host.name, "has no evidence")
        else:
            yield from _host(result, stored[host.name], judging(host, look))
    yield from _warnings(result, judging.warnings(result.hosts))


def _never_came(result: AuditResult, host: HostResult) -> FailedLook | None:
    """Return the failed look of a host without evidence, or None if there must be evidence."""
    if result.run.evaluated:
        return unseen()
    return interrupted(host.seen.taken) if result.run.interrupted else None


def _host(result: AuditResult, was: HostResult, now: HostResult) -> Iterator[Difference]:
    same_version = result.run.version == __version__
    for bound, before, after in zip(result.rules, was.judgements, now.judgements, strict=True):
        where = f"{was.name} {bound.key}"
        if (before.verdict, before.reason) != (after.verdict, after.reason):
            yield Difference(where, f"is {_told(before)}, but its evidence gives {_told(after)}")
        elif same_version and before != after:
            yield Difference(
                where, "has findings or details that differ from those of its evidence"
            )
    if same_version and was.seen != now.seen:
        yield Difference(was.name, "was audited in another way, according to its evidence")


def _told(judgement: Judgement) -> str:
    reason = f" ({judgement.reason})" if judgement.reason is not None else ""
    return f"{judgement.verdict}{reason}"


def _warnings(result: AuditResult, warnings: Iterable[str]) -> Iterator[Difference]:
    if result.run.version == __version__:
        for warning in warnings:
            if warning not in result.warnings:
                yield Difference(AUDIT, f"lacks the warning: {warning}")
