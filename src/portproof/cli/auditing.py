"""What ``portproof audit`` does once it knows the inventory: collect, judge, write, gate."""

from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec

from portproof.app.audit import prepare
from portproof.app.choose_policies import choose
from portproof.app.earlier import earlier
from portproof.archive.folder import (
    MANIFEST,
    SIGNATURE,
    AuditFolder,
    Evidence,
    Request,
    default_folder,
)
from portproof.archive.integrity import insist, read_manifest, wrong
from portproof.archive.read import read_evidence, read_request
from portproof.catalog.controls import refuse_unknown
from portproof.cli.interrupts import finishing_first
from portproof.cli.progress import progress
from portproof.cli.show import show
from portproof.cli.signing import signer_of
from portproof.cli.summary import summary
from portproof.cli.theming import Themed
from portproof.errors import Code, UsageError
from portproof.exitcodes import ExitCode
from portproof.inventory.read import read_inventory
from portproof.inventory.vault import VaultOptions
from portproof.judge.gate import condition, gate
from portproof.judge.job import Job
from portproof.judge.plan import ports_to_try
from portproof.model.hosts import Host, Inventory
from portproof.model.observation import Look
from portproof.report.contract import Theme, load_formats, written
from portproof.result.result import AuditResult, Digest
from portproof.run.audit import now_in_utc, run, still_stand
from portproof.run.one_host import How, Looks
from portproof.sources.local import sources
from portproof.ssh.settings import SshSettings


class _Output(NamedTuple):
    """Where an audit goes, how it looks, and the evidence that stands where it is resumed."""

    path: Path
    theme: Theme
    journal: Mapping[str, Evidence] | None
    quiet: bool


def refuse_wrong_use(formats: Iterable[str], fail_on: Iterable[str]) -> None:
    """Tell what is wrong with these options before the inventory is read, which may take long.

    Raises:
        UsageError: a format or a condition is not known.
    """
    load_formats(formats)
    for text in fail_on:
        condition(text)


def audited(
    asked: Mapping[str, Any],
    inventory: Inventory,
    folder: Path | None,
    theme: Themed,
    *,
    quiet: bool,
) -> ExitCode:
    """Audit an inventory as the options ask for, into a new folder."""
    request = msgspec.convert({**asked, "started": now_in_utc()}, Request, strict=False)
    look, job = theme(), _job(request, inventory)
    with default_folder() if folder is None else nullcontext(folder) as path:
        return _audited(job, request, _Output(path, look, journal=None, quiet=quiet))


def resumed(folder: Path, theme: Themed, *, quiet: bool) -> ExitCode:
    """Go on with the audit of a folder as it was asked for.

    Raises:
        UsageError: it finished, and all of its looks stand; or its content has changed since.
    """
    _refuse_edited(folder)
    request = read_request(folder)
    refuse_wrong_use(request.formats, request.fail_on)
    vault = VaultOptions(password_files=request.vault_password_files, ids=request.vault_ids)
    inventory = read_inventory(
        request.inventory,
        limit=request.limit,
        vault=vault,
        accept_new_host_keys=request.accept_new_host_keys,
    )
    job = _job(request, inventory)
    output = _Output(folder, theme(), _standing(job, request, folder), quiet=quiet)
    _refuse_nothing_left(job, output)
    return _audited(job, _with_start(request, folder), output)


def _refuse_nothing_left(job: Job, output: _Output) -> None:
    """What finished, and where all looks stand, must not become the newest audit."""
    if (output.path / MANIFEST).exists() and not job.without(output.journal or ()):
        text = f"nothing is left to look at in {output.path}: its audit finished, and within the"
        raise UsageError(f"{text} last day every host was proven or failed; nothing was written")


def _with_start(request: Request, folder: Path) -> Request:
    """A request of an earlier version does not say when it was started; its manifest may."""
    if request.started:
        return request
    finished = (folder / MANIFEST).exists()
    started = read_manifest(folder).run.started if finished else now_in_utc()
    return msgspec.structs.replace(request, started=started)


def _audited(job: Job, request: Request, output: _Output) -> ExitCode:
    result = _audit(replace(job, begun=request.started), request, output)
    decided = gate(result, [condition(text) for text in request.fail_on])
    if not output.quiet:
        show(summary(result, output.path, decided))
    return decided.exit_code


def _refuse_edited(folder: Path) -> None:
    """Evidence that was edited after an audit finished must not become that of a new one."""
    if (folder / MANIFEST).exists():
        manifest = read_manifest(folder)
        insist(folder, manifest)
        if read_request(folder).sign is not None and not (folder / SIGNATURE).exists():
            text = "is missing: the audit was asked to sign its manifest"
            raise wrong(folder / SIGNATURE, text, Code.SIGNATURE)
    if (folder / SIGNATURE).exists():
        from portproof.archive.signing import refuse_bad_signature  # noqa: PLC0415 - it loads asyncssh, which only a signed folder repays

        refuse_bad_signature(folder)


def _job(request: Request, inventory: Inventory) -> Job:
    choice = choose(request.policies, inventory)
    job = prepare(
        choice.content,
        inventory,
        chosen=choice.hosts,
        require_witness=request.require_witness,
        warn_days=request.warn_days,
    )
    if request.framework:
        refuse_unknown(request.framework, (key for each in job.rules for key in each.rule.maps))
    return replace(job, notes=choice.notes, framework=request.framework or "")


def _audit(job: Job, request: Request, output: _Output) -> AuditResult:
    sign, before = signer_of(request.sign), earlier(request, output.path, job)
    known = {name: evidence.look for name, evidence in (output.journal or {}).items()}
    how = How(
        sources(request.via),
        forks=request.forks,
        outside=ports_to_try(job.rules, job.inventory) if request.outside else None,
        ssh=SshSettings(command_timeout=request.timeout, via=request.via),
    )
    asked = msgspec.structs.replace(request, digests=_digests(job))
    kept = None if output.journal is None else output.journal.values()
    looks = Looks(job.without(known), job.questions(), how)
    with AuditFolder(output.path, asked, kept) as folder:
        result = before.compared(_run(job, looks, folder, known, quiet=output.quiet))
        files = written(load_formats(request.formats), result, output.theme)
        folder.finish(result.run, files, sign)
    return result


def _run(
    job: Job,
    looks: Looks,
    folder: AuditFolder,
    known: Mapping[str, Look],
    *,
    quiet: bool,
) -> AuditResult:
    def record(host: Host, look: Look) -> None:
        folder.record(Evidence(host.name, host.groups, look))

    total = len(job.inventory.hosts) - len(known)
    try:
        with finishing_first(looks.finish, looks.cancel), progress(total, quiet=quiet) as watch:
            return run(job, looks, record=record, watch=watch, known=known)
    except KeyboardInterrupt:
        said = f"portproof: the evidence so far is in {folder.path}; go on with --resume"
        click.echo(f"{said} {folder.path}", err=True)
        raise


def _standing(job: Job, request: Request, path: Path) -> dict[str, Evidence]:
    """The evidence of the run to be resumed that still stands, the last of each host."""
    before, now = set(request.digests), set(_digests(job))
    if before != now:
        changed = sorted({each.name for each in before ^ now})
        names = ", ".join(changed)
        raise UsageError(f"changed since {path} was begun: {names}; make a new audit")
    journal = {evidence.host: evidence for evidence in read_evidence(path)}
    standing = still_stand(job, {name: each.look for name, each in journal.items()})
    return {name: journal[name] for name in standing}


def _digests(job: Job) -> tuple[Digest, ...]:
    inventory = Digest(job.inventory.source, job.inventory.digest)
    return (*job.policy_digests, *job.check_digests, inventory)
