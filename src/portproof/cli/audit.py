"""``portproof audit``."""

from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from portproof.app.audit import audit
from portproof.app.audit_request import AuditRequest, ReportStyle, RunningAudit, ShowHost
from portproof.cli.logs import LOG_OPTIONS, logged
from portproof.cli.options import POLICY_HELP, Seconds, inventory_options
from portproof.cli.passphrase import passphrase
from portproof.cli.styling import OPTIONS, styled
from portproof.errors import UsageError
from portproof.exitcodes import ExitCode

if TYPE_CHECKING:
    from portproof.app.audit_request import AuditOutcome

_DEFAULTS: Final = AuditRequest()


@click.command()
@click.option(
    "-p",
    "--policy",
    "policies",
    multiple=True,
    help=POLICY_HELP,
)
@inventory_options
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The folder to write; it must be new or empty. Default: audits/<UTC time>.",
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    help="Resume the audit in this folder, with the options it was started with: hosts that are"
    " missing or unproven are audited again.",
)
@click.option(
    "--via",
    metavar="SOURCE",
    help="Use only this source: osqueryd, osqueryi or probe. Default: the first that works.",
)
@click.option(
    "-f",
    "--forks",
    type=click.IntRange(1, 5000),
    default=_DEFAULTS.forks,
    show_default=True,
    help="How many hosts to audit at the same time.",
)
@click.option(
    "-T",
    "--timeout",
    type=Seconds(1, 3600),
    default=_DEFAULTS.timeout,
    show_default=True,
    help="Seconds that a host has, after login, to answer completely.",
)
@click.option(
    "--accept-new-host-keys",
    is_flag=True,
    help="Record the SSH keys of unknown hosts. A changed key is never accepted.",
)
@click.option(
    "--outside",
    is_flag=True,
    help="Also probe the TCP ports that must be closed from here, on hosts reached over SSH.",
)
@click.option(
    "--require-witness",
    is_flag=True,
    help="Make a rule unproven if its check returns no rows and has no witness.",
)
@click.option(
    "--warn-days",
    type=click.IntRange(0, 3650),
    default=_DEFAULTS.warn_days,
    show_default=True,
    help="Warn about waivers that end within this many days.",
)
@click.option(
    "--format",
    "formats",
    metavar="NAME",
    multiple=True,
    help="Also write the result in this format, such as junit or markdown; repeatable. html and"
    " json are always written. An unknown name lists them all.",
)
@click.option(
    "--fail-on",
    metavar="CONDITION",
    multiple=True,
    help="Conditions that make the exit code non-zero: fail, waived, expired, new, uncovered,"
    " unproven, unproven>10, unproven>1% or severity>=high; repeatable, any of them is enough."
    " Default: any failed or unproven rule.",
)
@click.option(
    "--since",
    metavar="FOLDER",
    help="The audit to compare with. Default: the last one beside the new folder by the same"
    " policies.",
)
@click.option(
    "--sign",
    metavar="KEY",
    help="Sign the manifest with an Ed25519 private key; its passphrase is taken from"
    " PORTPROOF_SIGN_PASSPHRASE, or asked for.",
)
@click.option(
    "--framework",
    help="Group the report by the controls of a framework, such as nist-800-53 or cis-controls.",
)
@styled
@logged
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def command(
    *,
    style: ReportStyle,
    resume: Path | None,
    quiet: bool,
    **options: Any,  # noqa: ANN401 - the other options; AuditRequest gives them their types
) -> ExitCode:
    """Audit hosts against policies and write the report.

    Audits each host, judges every rule, prints a summary, and writes a folder with report.html,
    audit.json, evidence.jsonl, manifest.json and request.json. Press Ctrl-C once to finish the
    hosts in progress; the audit can be resumed later. Press it twice to stop at once.
    """
    if resume is None:
        request = AuditRequest(style=style, **options)
        outcome = audit(request, progress=partial(_following, quiet=quiet), passphrase=passphrase)
    else:
        outcome = _resumed(resume, style, quiet=quiet)
    if not quiet:
        _show(outcome)
    return outcome.exit_code


def _resumed(folder: Path, style: ReportStyle, *, quiet: bool) -> "AuditOutcome":
    _refuse_beside_resume()
    from portproof.app.resume import ResumeRequest, resume  # noqa: PLC0415 - an audit reads its inventory before this is imported

    request = ResumeRequest(folder=folder, style=style)
    return resume(request, progress=partial(_following, quiet=quiet), passphrase=passphrase)


def _show(outcome: "AuditOutcome") -> None:
    from portproof.cli.show import show  # noqa: PLC0415 - the same
    from portproof.cli.summary import summary  # noqa: PLC0415 - the same

    show(summary(outcome.result, outcome.folder, outcome.gate))


def _following(running: RunningAudit, *, quiet: bool) -> AbstractContextManager[ShowHost | None]:
    from portproof.cli.progress import following  # noqa: PLC0415 - the same

    return following(running, quiet=quiet)


def _refuse_beside_resume() -> None:
    context = click.get_current_context()
    given = [
        option.opts[-1]
        for option in context.command.params
        if option.name not in {"resume", "quiet", None, *LOG_OPTIONS, *OPTIONS}
        and context.get_parameter_source(option.name) is click.core.ParameterSource.COMMANDLINE
    ]
    if given:
        names = ", ".join(sorted(given))
        raise UsageError(f"--resume takes these from the audit in the folder; leave out {names}")
