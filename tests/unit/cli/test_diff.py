"""``portproof diff`` as a user calls it, and what hosts cannot do to its output."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from portproof.report.formats.changes import as_markdown
from portproof.result.changes import Change, ChangeKind, Changes, EarlierAudit
from support.calling import portproof
from support.folders import POLICY, case, job_of, looks_of, reseal, socket, write
from support.for_each import for_each
from support.times import FIRST, LAST

HOSTILE = [
    "<script>alert(1)</script>",
    "`` ` ``` code",
    "`",
    "](https://evil.example)",
    "# heading",
    "\x1b[2J\r\n\n- item",
    "@everyone https://evil.example",
    "| a | b |",
    "\u202egpj.exe",
    " ",
]


def audited(path: Path, *rows: dict[str, Any], **changes: Any) -> Path:  # noqa: ANN401 - of any type
    """A folder of an audit of two hosts, of which one listens so."""
    cases = {"db-1": case(*rows, **changes), "web-2": case(socket(443, "nginx"))}
    write(path, job_of(hosts=tuple(cases)), looks_of(cases))
    return path


def test_what_changed_is_told_as_text(tmp_path: Path) -> None:
    """The worst first, with exit code 1."""
    old = audited(tmp_path / "old")
    new = audited(tmp_path / "new", socket(609, "netinfod"))
    done = portproof("diff", old, new)
    assert (done.code, done.err) == (1, "")
    first, title, item = done.out.splitlines()
    assert re.fullmatch(r"since 2\S+: 1 newly failing", first)
    assert title == "newly failing: 1"
    assert item.strip().startswith("high db-1 retired-ports/npmp-trap-609: netinfod listens on tcp")
    assert portproof("diff", new, old).code == 0
    assert "since " in portproof("diff", new, new).out
    assert "still failing: 1\n  high db-1" in portproof("diff", new, new).out


def test_nothing_that_changed_is_said(tmp_path: Path) -> None:
    """With exit code 0."""
    old = audited(tmp_path / "old")
    done = portproof("diff", old, old)
    assert (done.code, done.out.partition(": ")[2]) == (0, "nothing changed\n")


def test_json_has_every_change(tmp_path: Path) -> None:
    """With its kind, host, rule, verdicts, and how many there are of each kind."""
    old = audited(tmp_path / "old")
    new = audited(tmp_path / "new", euid=1000)
    done = portproof("diff", old, new, "--format", "json")
    document = json.loads(done.out)
    assert done.code == document["exit_code"] == 3
    assert document["format"] == "portproof-changes/1"
    assert document["counts"]["newly-unproven"] == len(document["items"]) == 2
    first = document["items"][0]
    wanted = {
        "kind": "newly-unproven",
        "host": "db-1",
        "was": "pass",
        "now": "unproven",
        "severity": "high",
    }
    assert wanted.items() <= first.items()
    assert document["before"]["verdicts"]["pass"] == 5


def test_other_inventories_and_policies_are_the_first_thing_said(tmp_path: Path) -> None:
    """They can be compared all the same."""
    old = audited(tmp_path / "old")
    rules = {**POLICY, "rules": [{"id": "x", "closed": 1}], "waivers": []}
    write(tmp_path / "new", job_of([rules], hosts=["lab-1"]), looks_of({"lab-1": case()}))
    for form in ("text", "markdown"):
        page = portproof("diff", old, tmp_path / "new", "--format", form).out.lower()
        assert page.index("the inventory changed") < page.index("since ")
    notes = json.loads(portproof("diff", old, tmp_path / "new", "--format", "json").out)["notes"]
    assert notes[0] == "the inventory changed"


def test_since_when_is_known_from_audits_in_the_same_place(tmp_path: Path) -> None:
    """Also those that were never compared with each other."""
    first = audited(tmp_path / "1", socket(609, "netinfod"))
    manifest = first / "manifest.json"
    finished = json.loads(manifest.read_text(encoding="utf-8"))["run"]["finished"]
    long_ago = "2001-02-03T04:05:06Z"
    for name in ("audit.json", "manifest.json"):
        text = (first / name).read_text(encoding="utf-8").replace(finished, long_ago)
        (first / name).write_text(text, encoding="utf-8")
    reseal(first)
    second = audited(tmp_path / "2", socket(609, "netinfod"))
    third = audited(tmp_path / "3", socket(609, "netinfod"))
    done = portproof("diff", second, third, "--format", "json")
    document = json.loads(done.out)
    assert document["items"][0]["since"] == long_ago
    assert document["past"][0]["finished"] == long_ago


def test_an_audit_that_judged_nothing_is_no_success(tmp_path: Path) -> None:
    """Nothing newly fails where nothing was judged; exit code 2."""
    old = audited(tmp_path / "old")
    nowhere = {**POLICY, "hosts": "nowhere"}
    write(tmp_path / "new", job_of([nowhere], hosts=["db-1"]), looks_of({"db-1": case()}))
    assert portproof("diff", old, tmp_path / "new").code == 2


@pytest.mark.parametrize("which", ["old", "new"])
def test_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path, which: str) -> None:
    """Whichever it is, with exit code 2 and its name."""
    folders = {name: audited(tmp_path / name) for name in ("old", "new")}
    (folders[which] / "evidence.jsonl").write_text("", encoding="utf-8")
    done = portproof("diff", *folders.values())
    assert (done.code, done.out) == (2, "")
    assert f"{folders[which] / 'evidence.jsonl'}: was edited" in done.err


@for_each("text", HOSTILE)
def test_hosts_write_no_markdown(text: str) -> None:
    """Whatever they send stays in a code span, on one line."""
    item = Change(ChangeKind.STILL_FAILING, text, host=text, rule="a/b", since=LAST)
    found = Changes(EarlierAudit(FIRST, "", 1, {}), (item,), notes=(text,))
    page = "".join(as_markdown(found))
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert _outside_code(page) == [
        "**Note:** ",
        "",
        "Since : 1 still failing.",
        "",
        "## Still failing: 1",
        "",
        "-  , since : ",
    ]


def _outside_code(page: str) -> list[str]:
    """The lines of a page without their code spans, by CommonMark's rule for them."""
    return [re.sub(r"(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)", "", line) for line in page.splitlines()]


@pytest.mark.parametrize("text", HOSTILE)
def test_hosts_write_no_terminal(text: str, tmp_path: Path) -> None:
    """Nothing they send moves the cursor or adds a line."""
    old = audited(tmp_path / "old")
    new = audited(tmp_path / "new", socket(609, text))
    done = portproof("diff", old, new)
    assert len(done.out.splitlines()) == 3
    assert all(line.isprintable() for line in done.out.splitlines())
