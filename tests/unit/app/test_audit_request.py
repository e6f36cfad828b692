"""A request for an audit, and what of it the folder keeps."""

import dataclasses

import msgspec

from portproof.app.audit_request import AuditRequest
from portproof.archive.folder import Request

IN_THE_CALL_ALONE = {"output", "style"}
IN_THE_FOLDER_ALONE = {"format", "digests", "started"}


def test_the_folder_keeps_what_was_requested() -> None:
    """An option that request.json lacks would be lost, also for the audit itself."""
    requested = {field.name for field in dataclasses.fields(AuditRequest)}
    kept = {field.name for field in msgspec.structs.fields(Request)}
    assert requested - IN_THE_CALL_ALONE == kept - IN_THE_FOLDER_ALONE


def test_options_are_kept_as_they_were_given() -> None:
    """Names, switches and numbers alike."""
    request = AuditRequest(policies=("a",), require_witness=True, forks=7, since="old")
    kept = msgspec.convert(request, Request, from_attributes=True)
    assert (kept.policies, kept.require_witness, kept.forks, kept.since) == (("a",), True, 7, "old")
