"""What was written is read back, and what was not written so is refused with its reason."""

import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portproof.app.verify import verify
from portproof.archive import read as reading
from portproof.archive.results import read_past, read_result
from portproof.content.shipped import shipped
from portproof.errors import ContentError
from portproof.exitcodes import ExitCode
from portproof.model.verdicts import Verdict
from portproof.report.contract import Theme, format_names, load_format
from portproof.result.changes import Change, ChangeKind, Changes, EarlierAudit
from support.folders import job_of, keep, looks_of, rendered, reseal, write
from support.paths import CASES
from support.strategies import host_look, looks, policy, rules
from support.times import at

FIRST = CASES / "data" / "folders" / "first"
"""A folder of the first version, recorded once and kept for ever."""

CHANGES = Changes(
    EarlierAudit(at("2026-11-22T02:00:00Z"), "audits/x", 3, {"pass": 3}),
    tuple(Change(kind, "something changed", host="web-1") for kind in ChangeKind),
    notes=("the inventory changed",),
)
"""Changes of every kind there is: every format must be able to tell of them."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A whole folder with every verdict there is."""
    write(tmp_path / "out", job_of(), looks_of())
    return tmp_path / "out"


def refused(folder: Path) -> str:
    """Why a folder cannot be read."""
    with pytest.raises(ContentError) as error:
        read_result(folder)
    return str(error.value)


def change(folder: Path, edit: dict[str, Any]) -> None:
    """Edit ``audit.json``, and make the manifest fit."""
    file = folder / "audit.json"
    document = json.loads(file.read_text(encoding="utf-8")) | edit
    file.write_text(json.dumps(document), encoding="utf-8")
    reseal(folder)


@pytest.mark.parametrize("changes", [None, CHANGES])
def test_a_result_that_was_kept_renders_the_same_again(
    changes: Changes | None, tmp_path: Path
) -> None:
    """Rendered, read and rendered again, not a byte differs, in any format."""
    result = write(tmp_path / "first", job_of(), looks_of())
    compared = result.compared(changes, ["something to know"])
    keep(tmp_path / "out", compared)
    again = read_result(tmp_path / "out")
    assert rendered(again) == rendered(compared)
    theme = Theme((shipped("reports"),))
    for each in map(load_format, format_names()):
        assert list(each.render(again, theme)) == list(each.render(compared, theme))


def test_who_a_policy_is_for_and_how_rules_are_grouped_is_read_back(tmp_path: Path) -> None:
    """Judged again by it, a rule must not become one for every host."""
    job = job_of()
    chosen = frozenset({job.inventory.hosts[0].name})
    rules = tuple(replace(bound, chosen_for=chosen) for bound in job.rules)
    job = replace(job, rules=rules, framework="nist-800-53")
    result = write(tmp_path / "out", job, looks_of())
    again = read_result(tmp_path / "out")
    assert {bound.chosen_for for bound in again.rules} == {chosen}
    assert again.framework == "nist-800-53"
    assert rendered(again) == rendered(result)
    assert verify(tmp_path / "out").exit_code is ExitCode.PROVEN


@settings(max_examples=25)
@given(
    seen=st.lists(looks(), min_size=1, max_size=4),
    own=st.lists(rules(), min_size=1, max_size=3),
    groups=st.sampled_from(["all", "web", "!web", "nowhere"]),
)
def test_whatever_is_audited_is_read_back(seen: list[Any], own: list[Any], groups: str) -> None:
    """The same bytes, the same verdicts with their details, and the same exit code."""
    document = policy(*own, hosts=groups).document()
    names = ["web-1", "web-2", "nfs-1", "win-1"][: len(seen)]
    job = job_of([document], hosts=[*names, "never-came"])
    with tempfile.TemporaryDirectory() as made:
        path = Path(made) / "out"
        result = write(path, job, dict(zip(names, map(host_look, seen), strict=True)))
        again = read_result(path)
        assert "".join(rendered(again)) == (path / "audit.json").read_text(encoding="utf-8")
    assert again.hosts == result.hosts
    assert (again.exit_code, again.basis) == (result.exit_code, result.basis)


def test_the_first_folder_ever_written_is_still_read() -> None:
    """Its verdicts, findings and waivers are there."""
    result = read_result(FIRST)
    assert result.totals.verdicts == {
        "pass": 7,
        "fail": 1,
        "waived": 1,
        "not-applicable": 4,
        "unproven": 2,
    }
    ((bound, [(host, judgement)]),) = result.failures()
    assert (bound.key, bound.file, bound.line) == (
        "retired-ports/npmp-trap-609",
        "policies/retired-ports.yml",
        5,
    )
    assert host.name == "web-1"
    assert "netinfod listens on tcp 0.0.0.0:609" in judgement.findings[0].message
    assert read_past(FIRST).verdicts == result.totals.verdicts


def test_what_is_no_folder_of_an_audit_is_said_so(tmp_path: Path) -> None:
    """Not there, a file, and a folder of something else."""
    assert "does not exist" in refused(tmp_path / "none")
    (tmp_path / "file").write_text("x", encoding="utf-8")
    assert "is not a folder" in refused(tmp_path / "file")
    assert "is not the folder of an audit" in refused(tmp_path)


def test_a_half_written_folder_is_said_so(folder: Path) -> None:
    """The error tells how to go on."""
    (folder / "manifest.json").unlink()
    told = "is half written: it has no manifest.json, so its audit did not finish"
    assert f"{told}; resume it with portproof audit --resume {folder}" in refused(folder)


@pytest.mark.parametrize("name", ["audit.json", "evidence.jsonl", "request.json"])
def test_an_edited_file_is_said_so(folder: Path, name: str) -> None:
    """A file that is not what it was, or is gone."""
    text = (folder / name).read_text(encoding="utf-8")
    (folder / name).write_text(text.replace("web", "wob", 1), encoding="utf-8")
    if name != "request.json":
        assert f"{name}: was edited" in refused(folder)
    (folder / name).unlink()
    assert f"{name}: is missing" in refused(folder)


@pytest.mark.parametrize(
    ("name", "known"), [("audit.json", "audit"), ("manifest.json", "manifest")]
)
def test_a_folder_of_a_newer_version_is_said_so(folder: Path, name: str, known: str) -> None:
    """It names both forms, and that a newer version wrote it."""
    text = (folder / name).read_text(encoding="utf-8")
    (folder / name).write_text(text.replace(f"{known}/1", f"{known}/2"), encoding="utf-8")
    if name == "audit.json":
        reseal(folder)
    said = refused(folder)
    assert f"is of format 'portproof-{known}/2'; this version reads portproof-{known}/1" in said
    assert "written by a newer version" in said


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ({"totals": None}, "is damaged"),
        ({"format": "something"}, "is of format 'something'"),
        ({"policies": []}, "no policy in it has the rule"),
        ({"policies": [{"policy": "x"}]}, "it holds a policy that is none"),
        ({"judgements": []}, "without its judgement"),
        ({"hosts": []}, "which it does not have"),
        ({"rules": []}, "which it does not have"),
        ({"exit_code": 0}, "totals that are not those of its verdicts"),
        ({"checks": [{"check": "A b"}]}, "it holds a check that is none"),
    ],
)
def test_a_document_that_contradicts_itself_is_refused(
    folder: Path, edit: dict[str, Any], said: str
) -> None:
    """Also when the manifest fits to it."""
    change(folder, edit)
    assert said in refused(folder)


def test_a_verdict_that_is_not_its_judgements_is_refused(folder: Path) -> None:
    """Turning a letter does not turn a failure into a pass."""
    hosts = json.loads((folder / "audit.json").read_text(encoding="utf-8"))["hosts"]
    hosts[0]["verdicts"] = hosts[0]["verdicts"].replace("f", "p")
    change(folder, {"hosts": hosts})
    assert "the verdicts of 'web-1' are not those of its judgements" in refused(folder)


@pytest.mark.parametrize(
    "name", ["../secret", "/etc/passwd", "a/b", "c:\\x", "..", "manifest.json"]
)
def test_a_manifest_cannot_lead_out_of_its_folder(folder: Path, name: str) -> None:
    """A name with a path in it is refused before anything is opened."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"][name] = manifest["files"].pop("audit.json")
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert "is not a file of this folder" in refused(folder)


def test_a_file_that_is_no_plain_file_is_not_opened(folder: Path) -> None:
    """A pipe would wait for ever, a link leads out of the folder."""
    for name in ("evidence.jsonl", "request.json"):
        (folder / name).unlink()
    os.mkfifo(folder / "evidence.jsonl")
    (folder / "request.json").symlink_to("audit.json")
    said = refused(folder)
    assert "evidence.jsonl: is not a plain file" in said
    assert "request.json: is not a plain file" in said


def test_why_a_rule_is_not_applicable_is_read_back(folder: Path) -> None:
    """Though it is written once for many hosts."""
    by_host = {host.name: host.judgements for host in read_result(folder).hosts}
    assert by_host["nfs-1"][1].detail == "the host is not in all and web"
    assert by_host["win-1"][2].detail == "check telnet-packages has no question for windows"
    assert by_host["win-1"][2].verdict is Verdict.NOT_APPLICABLE


def test_a_line_of_evidence_that_is_too_long_hides_no_other_host(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read in part it looked like the end of a killed run, and the hosts behind it were lost."""
    monkeypatch.setattr(reading, "_LONGEST_LINE", 100)
    with pytest.raises(ContentError, match=r"evidence\.jsonl:1:1: is longer than 100 bytes"):
        list(reading.read_evidence(folder))
