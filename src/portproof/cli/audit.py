"""``portproof audit``."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import click
import msgspec

from portproof.audit import WARN_DAYS, Job, prepare, run, still_stand
from portproof.cli.choosing import choose
from portproof.cli.earlier import earlier
from portproof.cli.interrupts import finishing_first
from portproof.cli.options import POLICY_HELP
from portproof.cli.progress import progress
from portproof.cli.show import show
from portproof.cli.signing import signer_of
from portproof.cli.summary import summary
from portproof.cli.theming import OPTIONS, themed
from portproof.collectors.local import sources
from portproof.collectors.ssh.settings import SshSettings
from portproof.controls import refuse_unknown
from portproof.engines.looks import FORKS, How, Looks
from portproof.errors import UsageError
from portproof.evaluate import ports_to_try
from portproof.exitcodes import ExitCode
from portproof.gate import condition, gate
from portproof.inventory.read import read_inventory
from portproof.inventory.vault import VaultOptions
from portproof.model.hosts import Host
from portproof.model.observation import Look
from portproof.model.result import AuditResult, Digest
from portproof.renderers.contract import Theme, renderers, write
from portproof.store.folder import (
    MANIFEST,
    SIGNATURE,
    AuditFolder,
    Evidence,
    Request,
    default_folder,
)
from portproof.store.integrity import insist, read_manifest
from portproof.store.reading import read_evidence, read_request

_TIMEOUT: Final = SshSettings().command_timeout


@click.command()
@click.option(
    "-p",
    "--policy",
    "policies",
    multiple=True,
    help=POLICY_HELP,
)
@click.option(
    "-i",
    "--inventory",
    multiple=True,
    help="An Ansible inventory, a file with one host name a line, or a list such as web1,web2,"
    " ; repeatable. Default: this machine.",
)
@click.option(
    "-l", "--limit", help="Audit only the hosts an Ansible pattern selects, as web:&prod:!canary."
)
@click.option(
    "--vault-password-file",
    "vault_password_files",
    multiple=True,
    help="As in Ansible; repeatable.",
)
@click.option("--vault-id", "vault_ids", multiple=True, help="As in Ansible; repeatable.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The audit's folder; new or empty. Default: audits/<UTC time>.",
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    help="Go on with the audit of this folder, as it was asked for: hosts that are missing or"
    " unproven are looked at again.",
)
@click.option(
    "--via",
    metavar="SOURCE",
    help="The one source to use: osqueryd, osqueryi or probe. Default: the first that works.",
)
@click.option(
    "-f",
    "--forks",
    type=click.IntRange(1, 5000),
    default=FORKS,
    show_default=True,
    help="Hosts to look at at a time.",
)
@click.option(
    "-T",
    "--timeout",
    type=click.FloatRange(1, 3600),
    default=_TIMEOUT,
    show_default=True,
    help="Seconds a host has for its whole answer, once we are logged in.",
)
@click.option(
    "--accept-new-host-keys",
    is_flag=True,
    help="Record the SSH keys of hosts nobody knows yet. A changed key is never accepted.",
)
@click.option(
    "--outside",
    is_flag=True,
    help="Also try, from here, the TCP ports that must be closed on hosts reached over SSH.",
)
@click.option(
    "--require-witness",
    is_flag=True,
    help="Leave unproven what is believed on an empty answer without a witness.",
)
@click.option(
    "--warn-days",
    type=click.IntRange(0, 3650),
    default=WARN_DAYS,
    show_default=True,
    help="Warn of waivers that end within so many days.",
)
@click.option(
    "--format",
    "formats",
    metavar="NAME",
    multiple=True,
    help="Also write the result in this format, such as junit or markdown; repeatable. html and"
    " json are always written. A name that is none lists them all.",
)
@click.option(
    "--fail-on",
    metavar="CONDITION",
    multiple=True,
    help="What makes the exit code another than 0: fail, waived, expired, new, unproven,"
    " unproven>10, unproven>1% or severity>=high; repeatable, any of them is enough. Default:"
    " whatever failed or is unproven.",
)
@click.option(
    "--since",
    metavar="FOLDER",
    help="The audit to tell the changes since. Default: the last one beside the new folder, by the"
    " same policies.",
)
@click.option(
    "--sign",
    metavar="KEY",
    help="Sign the manifest with an Ed25519 private key; its passphrase is asked for, or taken from"
    " PORTPROOF_SIGN_PASSPHRASE.",
)
@click.option(
    "--framework",
    help="Group the report by the controls of a framework, as nist-800-53 or cis-controls.",
)
@themed
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
def command(
    *,
    theme: Theme,
    output: Path | None,
    resume: Path | None,
    quiet: bool,
    **asked: Any,  # noqa: ANN401 - the other options; Request gives them their types
) -> ExitCode:
    """Audit hosts against policies and write the report.

    Looks at each host, judges every rule, and writes a folder with report.html, audit.json,
    evidence.jsonl, manifest.json and request.json. A summary goes to the terminal. Ctrl-C once
    finishes what is under way; the folder can then be resumed. Twice stops at once.
    """
    if resume is not None:
        _refuse_beside_resume(output)
        _refuse_edited(resume)
    request = read_request(resume) if resume else msgspec.convert(asked, Request, strict=False)
    renderers(request.formats)  # an unknown format is refused before anyone is looked at
    conditions = [condition(text) for text in request.fail_on]
    job = _job(request)
    folder = resume or output or default_folder()
    result = _audit(job, request, _Output(folder, theme, resume is not None, quiet))
    decided = gate(result, conditions)
    if not quiet:
        show(summary(result, folder, decided))
    return decided.exit_code


def _refuse_edited(folder: Path) -> None:
    """Evidence that was edited after an audit finished must not become that of a new one."""
    if (folder / MANIFEST).exists():
        manifest = read_manifest(folder)
        insist(folder, manifest)
    if (folder / SIGNATURE).exists():
        from portproof.store.signing import refuse_bad_signature  # noqa: PLC0415 - it loads asyncssh, which only a signed folder repays

        refuse_bad_signature(folder)


def _refuse_beside_resume(output: Path | None) -> None:
    context = click.get_current_context()
    given = [
        option.opts[-1]
        for option in context.command.params
        if option.name not in {"resume", "quiet", None, *OPTIONS}
        and context.get_parameter_source(option.name) is click.core.ParameterSource.COMMANDLINE
    ]
    if output is not None or given:
        names = ", ".join(sorted(given))
        raise UsageError(f"--resume goes on as the audit was asked for; leave out {names}")


def _job(request: Request) -> Job:
    vault = VaultOptions(password_files=request.vault_password_files, ids=request.vault_ids)
    inventory = read_inventory(list(request.inventory), limit=request.limit, vault=vault)
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


class _Output(NamedTuple):
    """Where an audit goes, and how it looks."""

    path: Path
    theme: Theme
    resumed: bool
    quiet: bool


def _audit(job: Job, request: Request, output: _Output) -> AuditResult:
    digests = (*job.policy_digests, *job.check_digests, _inventory_digest(job))
    sign, before = signer_of(request.sign), earlier(request, output.path, job)
    journal = _standing(job, request, output.path, digests) if output.resumed else None
    known = {name: evidence.look for name, evidence in (journal or {}).items()}
    how = How(
        sources(request.via),
        forks=request.forks,
        accept_new_host_keys=request.accept_new_host_keys,
        outside=ports_to_try(job.rules, job.inventory) if request.outside else None,
        ssh=SshSettings(command_timeout=request.timeout, via=request.via),
    )
    asked = msgspec.structs.replace(request, digests=digests)
    kept = None if journal is None else journal.values()
    looks = Looks(job.without(known), job.questions(), how)
    with AuditFolder(output.path, asked, kept) as folder:
        result = before.compared(_run(job, looks, folder, known, quiet=output.quiet))
        written = renderers(request.formats).items()
        files = {each.FILE: write(name, each, result, output.theme) for name, each in written}
        folder.finish(result.run, files, sign)
    return result


def _run(
    job: Job, looks: Looks, folder: AuditFolder, known: Mapping[str, Look], *, quiet: bool
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


def _standing(
    job: Job, request: Request, path: Path, digests: Iterable[Digest]
) -> dict[str, Evidence]:
    """The evidence of the run to be resumed that still stands, the last of each host."""
    before, now = set(request.digests), set(digests)
    if before != now:
        changed = sorted({each.name for each in before ^ now})
        names = ", ".join(changed)
        raise UsageError(f"changed since {path} was begun: {names}; make a new audit")
    journal = {evidence.host: evidence for evidence in read_evidence(path)}
    standing = still_stand(job, {name: each.look for name, each in journal.items()})
    return {name: journal[name] for name in standing}


def _inventory_digest(job: Job) -> Digest:
    return Digest(job.inventory.source, job.inventory.digest)
