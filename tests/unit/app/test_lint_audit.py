"""``portproof lint --audit``: waivers to clean up, by what an audit found."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from portproof.app.content import load_content
from portproof.app.prepare import prepare
from portproof.cli import cli
from portproof.errors import ContentError
from portproof.inventory.build import assembled
from portproof.model.hosts import Host
from support.cases import look_of
from support.folders import write

TODAY = datetime.now(UTC).date()
LATER = (TODAY + timedelta(days=400)).isoformat()
POLICY = """
policy: mine
title: Closed
rules:
  - {id: old, closed: 600-700}
waivers:
  - {rule: old, hosts: nfs1, owner: a@example.com, reason: r, until: YESTERDAY}
  - {rule: old, hosts: web1, owner: b@example.com, reason: r, until: SOON}
  - {rule: old, hosts: db, ports: 600-700, owner: c@example.com, reason: r, until: LATER}
  - {rule: old, hosts: db1, ports: 609/tcp, owner: d@example.com, reason: r, until: LATER}
"""
ROW = {"address": "10.0.0.5", "port": 609, "name": "rpc.statd", "user": "statd"}
HOSTS: dict[str, dict[str, Any]] = {
    "nfs1": {"rows": [ROW]},
    "web1": {"rows": []},
    "db1": {"rows": [ROW]},
    "db2": {"dark": "unreachable"},
}


def written(folder: Path, text: str = POLICY) -> Path:
    """A policy with waivers, in a file."""
    days = {"YESTERDAY": -1, "SOON": 7, "LATER": 400}
    for word, by in days.items():
        text = text.replace(word, (TODAY + timedelta(days=by)).isoformat())
    (folder / "policies").mkdir()
    (folder / "policies" / "mine.yml").write_text(text, encoding="utf-8")
    return folder / "policies"


def audited(
    folder: Path, policies: Path, hosts: Mapping[str, Any] = HOSTS, *, interrupted: bool = False
) -> Path:
    """The folder of an audit that found what the hosts say."""
    told = datetime.now(UTC)
    audited = tuple(Host(name, (name[:-1],)) for name in hosts)
    job = prepare(load_content([str(policies)]), assembled(audited, "hosts.ini"))
    looks = {name: replace(look_of(case), taken=told) for name, case in hosts.items()}
    if interrupted:
        looks.popitem()
    write(folder / "out", job, looks)
    return folder / "out"


def linted(*arguments: Path | str) -> Result:
    """What ``portproof lint`` does."""
    return CliRunner().invoke(cli, ["lint", *map(str, arguments)], standalone_mode=False)


def test_waivers_to_clean_up_are_listed_with_their_place(tmp_path: Path) -> None:
    """Lapsed, ending, unused and too wide ones, each at file and line; it is no error."""
    policies = written(tmp_path)
    done = linted("--audit", audited(tmp_path, policies))
    assert done.exception is None
    assert not done.return_value
    file = re.escape(str(policies / "mine.yml"))
    told = [
        rf"{file}:7: waiver 1 for mine/old of a@example\.com: lapsed on [-0-9]+",
        rf"{file}:8: waiver 2 for mine/old of b@example\.com: ends on [-0-9]+, in [67] days",
        rf"{file}:8: waiver 2 for mine/old of b@example\.com: covers nothing; remove it",
        r"waivers: 4, to clean up: 3",
    ]
    lines = done.output.splitlines()[2:]
    assert len(lines) == len(told) + 1, done.output
    wanted = [*told[:3], rf"{file}:10: waiver 4 .*: covers nothing; remove it", told[3]]
    for line, pattern in zip(lines, wanted, strict=True):
        assert re.fullmatch(pattern, line)


def test_nothing_to_clean_up_is_said(tmp_path: Path) -> None:
    """A reader is told how many waivers were looked at."""
    waiver = f"{{rule: old, hosts: db1, owner: a, reason: r, until: {LATER}}}"
    text = f"policy: mine\ntitle: t\nrules: [{{id: old, closed: 609/tcp}}]\nwaivers: [{waiver}]\n"
    done = linted("--audit", audited(tmp_path, written(tmp_path, text)))
    assert done.output.splitlines()[-1] == "waivers: 1, to clean up: 0"


def test_policies_that_are_given_count_instead_of_the_audits(tmp_path: Path) -> None:
    """What was cleaned up can be tried against an old audit."""
    folder = audited(tmp_path, written(tmp_path))
    (tmp_path / "policies" / "mine.yml").unlink()
    assert isinstance(linted("--audit", folder).exception, ContentError)
    (tmp_path / "other").mkdir()
    policies = written(tmp_path / "other", POLICY.partition("waivers:")[0])
    done = linted(policies, "--audit", folder)
    assert done.output.splitlines()[-1] == "waivers: 0, to clean up: 0"


def test_without_an_audit_no_waiver_is_spoken_of(tmp_path: Path) -> None:
    """A lapsed waiver is no error in content."""
    assert "waiver" not in linted(written(tmp_path)).output


def _no_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def _no_request(folder: Path) -> None:
    for name in ("manifest.json", "request.json"):
        (folder / name).unlink()


def _garbage(folder: Path) -> None:
    (folder / "manifest.json").write_bytes(b'{"format": \xff')


def _deep(folder: Path) -> None:
    (folder / "manifest.json").write_bytes(b"[" * 100_000)


def _other_format(folder: Path) -> None:
    file = folder / "manifest.json"
    file.write_text(file.read_text().replace("portproof-manifest/1", "portproof-manifest/9"))


def _edited_evidence(folder: Path) -> None:
    file = folder / "evidence.jsonl"
    file.write_text(file.read_text().replace("609", "709"))


def _short_evidence(folder: Path) -> None:
    file = folder / "evidence.jsonl"
    file.write_bytes(file.read_bytes()[:-20])


def _edited_request(folder: Path) -> None:
    file = folder / "request.json"
    file.write_text(file.read_text().replace("hosts.ini", "others.ini"))


def _no_evidence(folder: Path) -> None:
    (folder / "evidence.jsonl").unlink()


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_no_manifest, "is half written: .* resume it with portproof audit --resume"),
        (_no_request, "is half written"),
        (_garbage, "is damaged"),
        (_deep, "is damaged"),
        (_other_format, "is of format 'portproof-manifest/9'"),
        (_edited_evidence, "evidence.jsonl: was edited"),
        (_short_evidence, "evidence.jsonl: was edited"),
        (_edited_request, "request.json: was edited"),
        (_no_evidence, "evidence.jsonl: is missing"),
    ],
)
def test_a_folder_that_is_not_whole_is_refused(
    tmp_path: Path, harm: Callable[[Path], None], said: str
) -> None:
    """No list is made from half of an audit."""
    folder = audited(tmp_path, written(tmp_path))
    harm(folder)
    done = linted("--audit", folder)
    assert isinstance(done.exception, ContentError)
    assert re.search(said, str(done.exception))
    assert done.output == ""


def test_an_interrupted_audit_is_refused(tmp_path: Path) -> None:
    """Hosts nobody looked at may need what seems unused."""
    folder = audited(tmp_path, written(tmp_path), interrupted=True)
    assert "was interrupted; resume it with --resume" in str(linted("--audit", folder).exception)


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    """A mistyped path is told."""
    assert "does not exist" in str(linted("--audit", tmp_path / "nowhere").exception)


def test_wrong_content_is_still_an_error(tmp_path: Path) -> None:
    """The list is made from sound policies only."""
    folder = audited(tmp_path, written(tmp_path))
    (tmp_path / "policies" / "mine.yml").write_text("policy: mine\n", encoding="utf-8")
    assert isinstance(linted("--audit", folder).exception, ContentError)
