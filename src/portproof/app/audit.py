"""Audit hosts against policies, into a new folder."""

import contextlib
from collections.abc import Iterable, Iterator
from importlib import import_module
from threading import Thread
from typing import Final

from portproof.app.audit_request import (
    AuditOutcome,
    AuditRequest,
    Interaction,
    Passphrase,
    Progress,
    no_progress,
)
from portproof.inventory.read import read_inventory
from portproof.inventory.vault import VaultOptions

_FOR_A_FLEET: Final = (
    "portproof.app.conduct_audit",
    "portproof.report.html.page",
    "portproof.run.ssh_audit",
)


def audit(
    request: AuditRequest,
    *,
    progress: Progress = no_progress,
    passphrase: Passphrase | None = None,
) -> AuditOutcome:
    """Audit hosts against policies, and write the result into a new folder.

    Args:
        request: What to audit, with which policies, and where to write the result.
        progress: Returns a context manager that is open while hosts are audited; it may give a
            callable that is called with each host's result.
        passphrase: Returns the passphrase of the signing key; called only if the key has one.

    Raises:
        UsageError: the request cannot be carried out as it is.
        ContentError: policies, checks or the inventory are wrong; holds every problem.
        OutputError: the folder cannot be written.
        TemplateError: a template, style or logo cannot be used.
    """
    if request.formats or request.fail_on or request.style.has_files:
        from portproof.app.conduct_audit import check_request  # noqa: PLC0415 - see _loading

        check_request(request)
    vault = VaultOptions(password_files=request.vault_password_files, ids=request.vault_ids)
    with _loading(*_FOR_A_FLEET if request.inventory else ()):
        inventory = read_inventory(
            request.inventory,
            limit=request.limit,
            vault=vault,
            accept_new_host_keys=request.accept_new_host_keys,
        )
    from portproof.app.conduct_audit import new_audit  # noqa: PLC0415 - see _loading

    return new_audit(request, inventory, Interaction(progress, passphrase))


@contextlib.contextmanager
def _loading(*modules: str) -> Iterator[None]:
    """Import modules during a wait, such as for Ansible to read an inventory.

    Nothing else may be imported meanwhile: modules that import each other could be seen half made.
    """
    thread = Thread(target=_load, args=(modules,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _load(modules: Iterable[str]) -> None:
    # What cannot be loaded fails again where it is needed; an audit of this machine needs no SSH.
    with contextlib.suppress(Exception):
        for name in modules:
            import_module(name)
