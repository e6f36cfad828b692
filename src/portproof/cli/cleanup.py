"""The list of ``portproof lint --audit``: waivers to clean up, by what an audit found."""

from collections.abc import Iterator
from pathlib import Path

from portproof.audit import prepare, untidy_waivers
from portproof.cli.show import Line
from portproof.loading.content import Content
from portproof.model.hosts import Host, Inventory
from portproof.model.observation import Look
from portproof.model.text import visible
from portproof.store.folder import Request
from portproof.store.reading import check_whole, read_evidence, read_request


def whole_request(folder: Path) -> Request:
    """What the audit of a folder was asked for, once the folder is known to be whole.

    Raises:
        ContentError: the folder is of no audit, is half written, or is damaged.
    """
    check_whole(folder)
    return read_request(folder)


def clean_up(content: Content, folder: Path, request: Request) -> Iterator[Line]:
    """The waivers that lapsed, end soon, cover nothing or too much, and how many there are.

    Raises:
        ContentError: the evidence is damaged.
    """
    hosts = {each.host: Host(each.host, each.groups) for each in read_evidence(folder)}
    job = prepare(
        content,
        Inventory(tuple(hosts.values()), str(folder)),
        require_witness=request.require_witness,
        warn_days=request.warn_days,
    )
    untidy = untidy_waivers(job, _looks(folder, hosts))
    for waiver, text in untidy:
        place = f"{waiver.file}:{waiver.line}: waiver {waiver.index + 1} for {waiver.rule}"
        yield Line(visible(f"{place} of {waiver.waiver.owner}: {text}"), "yellow")
    concerned = len({waiver.name for waiver, _ in untidy})
    yield Line(f"waivers: {len(job.waivers)}, to clean up: {concerned}")


def _looks(folder: Path, hosts: dict[str, Host]) -> Iterator[tuple[Host, Look]]:
    for evidence in read_evidence(folder):
        yield hosts[evidence.host], evidence.look
