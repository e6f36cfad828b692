"""Define the request and the outcome of an audit.

Nothing here is imported that an audit does not need before its inventory is read.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from portproof.defaults import FORKS, WARN_DAYS
from portproof.ssh.settings import SshSettings

if TYPE_CHECKING:
    from portproof.exitcodes import ExitCode
    from portproof.judge.gate import Gate
    from portproof.result.result import AuditResult, HostResult

_TIMEOUT: Final = SshSettings().command_timeout


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportStyle:
    """How a report looks.

    Attributes:
        template: A folder of templates and styles that replace the shipped ones.
        title: The title of the report.
        logo: An image for the head of the report: PNG, JPEG, WebP or SVG.
        footer: A line at the foot of the report.
    """

    template: Path | None = None
    title: str = ""
    logo: Path | None = None
    footer: str = ""

    @property
    def has_files(self) -> bool:
        """Whether it names files of the user, which may be invalid."""
        return self.template is not None or self.logo is not None


SHIPPED_STYLE: Final = ReportStyle()
"""The default style."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRequest:
    """What to audit, with which policies, and where to write the result.

    Attributes:
        policies: Names of shipped policies, files or folders. Empty: those the inventory names,
            else the shipped policies without the baselines.
        inventory: What Ansible takes, files with one host name per line, or lists such as
            ``web1,web2,``. Empty: this machine.
        limit: An Ansible host pattern that selects hosts of the inventory.
        vault_password_files: Files with passwords of Ansible's vault.
        vault_ids: Vault ids, as Ansible's ``--vault-id`` takes them.
        output: The folder to write, new or empty; None for ``audits/<UTC time>``.
        via: The only source to use; None for the first that works.
        forks: How many hosts are audited at the same time.
        timeout: Seconds that a host has for its complete answer once the session is open.
        accept_new_host_keys: Whether the SSH keys of unknown hosts are recorded.
        outside: Whether connections from this machine to ports that must be closed are tried too.
        require_witness: Whether a rule is unproven if its check returns no rows and has no witness.
        warn_days: How many days before a waiver's end an audit warns of it.
        formats: Formats to write besides html and json.
        fail_on: Conditions that make the exit code non-zero; empty for any failure or unproven
            rule.
        since: The folder of the audit to compare with; None for the last one beside ``output`` by
            the same policies.
        sign: The file of the Ed25519 private key that signs the manifest.
        framework: The framework by whose controls the report groups the rules.
        style: How the report looks.
    """

    policies: tuple[str, ...] = ()
    inventory: tuple[str, ...] = ()
    limit: str | None = None
    vault_password_files: tuple[str, ...] = ()
    vault_ids: tuple[str, ...] = ()
    output: Path | None = None
    via: str | None = None
    forks: int = FORKS
    timeout: float = _TIMEOUT
    accept_new_host_keys: bool = False
    outside: bool = False
    require_witness: bool = False
    warn_days: int = WARN_DAYS
    formats: tuple[str, ...] = ()
    fail_on: tuple[str, ...] = ()
    since: str | None = None
    sign: str | None = None
    framework: str | None = None
    style: ReportStyle = SHIPPED_STYLE


@dataclass(frozen=True, slots=True)
class AuditOutcome:
    """The outcome of an audit.

    Attributes:
        result: Every verdict, with what it rests on.
        folder: The folder that was written.
        gate: Which conditions were met.
    """

    result: AuditResult
    folder: Path
    gate: Gate

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of ``portproof audit``."""
        return self.gate.exit_code


@dataclass(frozen=True, slots=True)
class RunningAudit:
    """An audit in progress.

    Attributes:
        hosts: How many hosts are to be audited.
        folder: The folder that is written.
        finish: Starts no more hosts, and finishes those in progress.
        cancel: Stops at once everything that runs on other hosts.
    """

    hosts: int
    folder: Path
    finish: Callable[[], None]
    cancel: Callable[[], None]


ShowHost = Callable[["HostResult"], None]
"""Called with the result of each host as soon as it is judged."""
Progress = Callable[[RunningAudit], AbstractContextManager[ShowHost | None]]
"""Returns a context manager that is open while hosts are audited."""
Passphrase = Callable[[str], str]
"""Returns the passphrase of a private key, given the name of its file."""


@contextlib.contextmanager
def no_progress(_: RunningAudit) -> Iterator[None]:
    """Show no progress."""
    yield None


@dataclass(frozen=True, slots=True)
class Interaction:
    """Callbacks from an audit to its caller.

    Attributes:
        progress: Shows progress while hosts are audited.
        passphrase: Returns the passphrase of the signing key; None if there is no way to get it.
    """

    progress: Progress = no_progress
    passphrase: Passphrase | None = None
