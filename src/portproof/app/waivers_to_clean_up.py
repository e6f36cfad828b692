"""The list of ``portproof lint --audit``: waivers to clean up, by what an audit found."""

from collections.abc import Iterator
from pathlib import Path

from portproof.app.judge_evidence import job_by
from portproof.archive.integrity import wrong
from portproof.archive.read import read_evidence
from portproof.archive.results import read_result
from portproof.cli.show import Line
from portproof.content.load import Content
from portproof.errors import Code
from portproof.result.result import AuditResult
from portproof.run.audit import untidy_waivers
from portproof.text.visible import visible


def finished(folder: Path) -> AuditResult:
    """The result of a folder whose audit came to its end.

    Raises:
        ContentError: the folder is of no audit, is half written, edited, damaged or interrupted.
    """
    result = read_result(folder)
    if result.run.interrupted:
        text = f"the audit was interrupted; go on with --resume {folder}"
        raise wrong(folder, text, Code.UNFINISHED)
    return result


def clean_up(content: Content, folder: Path, result: AuditResult) -> Iterator[Line]:
    """The waivers that lapsed, end soon, cover nothing or too much, and how many there are.

    Raises:
        ContentError: the evidence is damaged.
    """
    job = job_by(folder, result, content)
    hosts = {host.name: host for host in job.inventory.hosts}
    looks = ((hosts[each.host], each.look) for each in read_evidence(folder) if each.host in hosts)
    untidy = untidy_waivers(job, looks)
    for waiver, text in untidy:
        place = f"{waiver.file}:{waiver.line}: waiver {waiver.index + 1} for {waiver.rule}"
        yield Line(visible(f"{place} of {waiver.waiver.owner}: {text}"), "yellow")
    concerned = len({waiver.name for waiver, _ in untidy})
    yield Line(f"waivers: {len(job.waivers)}, to clean up: {concerned}")
