"""An audit tells what changed since the last one in the same place."""

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from portproof.archive.results import read_result
from support.calling import Done, portproof
from support.folders import job_of, looks_of, reseal, save, write


@pytest.fixture
def port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
    return number


@contextlib.contextmanager
def listening(port: int) -> Iterator[None]:
    """Listen on a port."""
    with socket.create_server(("127.0.0.1", port)):
        yield


@pytest.fixture
def place(tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a policy, to audit this machine from."""
    rules = [{"id": "quiet", "closed": f"{port}/tcp"}]
    save(tmp_path / "own.yml", {"policy": "own", "title": "Own", "rules": rules})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def audit(output: str, *more: str, policy: str = "own.yml") -> Done:
    """Audit this machine."""
    return portproof("audit", "-p", policy, "--via", "probe", "-o", output, *more)


def changes(folder: str) -> dict[str, Any]:
    """What ``audit.json`` says changed."""
    document = json.loads((Path(folder) / "audit.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = document["changes"]
    return found


def edit(folder: str, name: str, old: str, new: str) -> None:
    """Edit a file of a folder."""
    file = Path(folder) / name
    file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def test_the_last_audit_by_the_same_policies_is_found(place: Path, port: int) -> None:
    """In one line of the summary, in audit.json, and again when it is rendered again."""
    first = audit("audits/1")
    assert "since " not in first.out
    with listening(port):
        second = audit("audits/2")
        third = audit("audits/3")
    assert second.code == third.code == 1
    assert ": 1 newly failing" in second.out
    assert ": 1 still failing" in third.out
    (item,) = changes("audits/3")["items"]
    assert item["since"] == written(read_result(place / "audits" / "2").run.finished)
    assert [Path(each["folder"]).name for each in changes("audits/3")["past"]] == ["1", "2"]
    again = portproof("report", "audits/3", "--format", "json", "-o", "-")
    assert again.out == Path("audits/3/audit.json").read_text(encoding="utf-8")
    assert portproof("verify", "audits/3").code == 0


@pytest.mark.usefixtures("place")
def test_an_audit_by_other_policies_or_without_a_look_is_not_the_last_one() -> None:
    """Neither is compared with."""
    rules = [{"id": "quiet", "closed": 1}]
    save(Path("other.yml"), {"policy": "own", "title": "Own", "rules": rules})
    audit("audits/1", policy="other.yml")
    portproof("evaluate", "audits/1", "-p", "own.yml", "-o", "audits/2")
    done = audit("audits/3")
    assert "since " not in done.out
    assert done.code in {0, 3}


@pytest.mark.usefixtures("place")
def test_one_that_was_asked_for_may_be_of_anything() -> None:
    """What is different about it is said."""
    write(Path("elsewhere"), job_of(), looks_of())
    done = audit("audits/1", "--since", "elsewhere")
    assert (
        "these are audits of different inventories: hosts.ini before, this machine now" in done.out
    )
    assert "they have no rule in common; since " in done.out


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("harm", ["gone", "edited", "half written"])
def test_one_that_was_asked_for_must_be_whole(harm: str) -> None:
    """Before anything is looked at, with exit code 2."""
    write(Path("old"), job_of(), looks_of())
    if harm == "half written":
        (Path("old") / "manifest.json").unlink()
    edit("old", "audit.json", "web", "wob")
    done = audit("new", "--since", "none" if harm == "gone" else "old")
    assert (done.code, done.out) == (2, "")
    assert {"gone": "does not exist", "edited": "was edited"}.get(harm, harm) in done.err
    assert not Path("new").exists()


@pytest.mark.usefixtures("place")
def test_one_that_was_found_and_is_not_whole_is_passed_over() -> None:
    """With a warning; the one before it is compared with."""
    audit("audits/1")
    audit("audits/2")
    audit("audits/3")
    edit("audits/2", "evidence.jsonl", "port", "prot")
    edit("audits/3", "manifest.json", "manifest/1", "manifest/9")
    os.truncate("audits/3/request.json", 0)
    done = audit("audits/4")
    assert "note: an earlier audit was skipped" in done.out
    assert "audits/2/evidence.jsonl: was edited" in done.out
    assert "audits/3/manifest.json: is of format" in done.out
    assert changes("audits/4")["before"]["folder"].endswith("1")
    assert portproof("verify", "audits/4").code == 0


@pytest.mark.usefixtures("place")
def test_a_folder_of_something_else_is_left_alone() -> None:
    """A neighbour with a manifest of its own is none of ours."""
    Path("audits/web").mkdir(parents=True)
    Path("audits/web/manifest.json").write_text("{}", encoding="utf-8")
    Path("audits/file").write_text("x", encoding="utf-8")
    done = audit("audits/1")
    assert done.code in {0, 3}
    assert "not compared" not in done.out


@pytest.mark.usefixtures("place")
def test_one_of_the_same_inventory_comes_first() -> None:
    """However much older it is."""
    for name in ("1", "2"):
        audit(f"audits/{name}")
    for name in ("audit.json", "manifest.json"):
        edit("audits/2", name, "this machine", "the other one")
    reseal(Path("audits/2"))
    audit("audits/3")
    assert Path(changes("audits/3")["before"]["folder"]).name == "1"


def test_one_of_another_inventory_is_not_found(place: Path, port: int) -> None:
    """What failed there is not old here, whatever the hosts are called; it can be asked for."""
    for name in ("staging.txt", "prod.txt"):
        (place / name).write_text("localhost\n", encoding="utf-8")
    with listening(port):
        audit("audits/1", "-i", "staging.txt")
        first = audit("audits/2", "-i", "prod.txt", "--fail-on", "new")
        asked = audit("audits/3", "-i", "prod.txt", "--fail-on", "new", "--since", "audits/1")
        known = audit("audits/4", "-i", "prod.txt", "--fail-on", "new")
    assert (first.code, "since " in first.out) == (1, False)
    assert "without an earlier audit every failure is new" in first.out
    assert (asked.code, known.code) == (0, 0)
    assert "these are audits of different inventories" in asked.out


def written(time: datetime) -> str:
    """Return a time as the files of a folder have it."""
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def by_a_clock_ahead(folder: str) -> None:
    """Make an audit one whose clock was a century ahead."""
    finished = written(read_result(Path(folder)).run.finished)
    for name in ("audit.json", "manifest.json"):
        edit(folder, name, finished, "2131" + finished[4:])
    reseal(Path(folder))


@pytest.mark.usefixtures("place")
def test_one_by_a_clock_that_was_ahead_is_passed_over(port: int) -> None:
    """What it saw is not what was last seen: what failed then and is fixed is new again."""
    with listening(port):
        audit("audits/1")
    by_a_clock_ahead("audits/1")
    audit("audits/2")
    with listening(port):
        done = audit("audits/3", "--fail-on", "new")
    assert done.code == 1
    assert ": 1 newly failing" in done.out
    (said,) = (line for line in done.out.splitlines() if "was skipped" in line)
    assert "audits/1: it finished at 2131-" in said
    assert ", which is after 2" in said


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("finished", ["soon", "2020-01-01T00:00:00"])
def test_one_that_does_not_say_when_it_finished_is_passed_over(port: int, finished: str) -> None:
    """A time that is none, or is nowhere, puts nothing in order."""
    with listening(port):
        audit("audits/1")
        real = written(read_result(Path("audits/1")).run.finished)
        edit("audits/1", "manifest.json", f'"finished": "{real}"', f'"finished": "{finished}"')
        done = audit("audits/2", "--fail-on", "new")
    assert done.code == 1
    assert "audits/1/manifest.json: is damaged: " in done.out
    assert " - at `$.run.finished`" in done.out


@pytest.mark.usefixtures("place")
def test_one_by_a_clock_that_was_ahead_cannot_be_asked_for() -> None:
    """Nothing in it is before now; exit code 2, and nothing is written."""
    audit("audits/1")
    by_a_clock_ahead("audits/1")
    done = audit("new", "--since", "audits/1")
    assert (done.code, done.out) == (2, "")
    assert "audits/1 is not an earlier audit: it finished at 2131-" in done.err
    assert not Path("new").exists()
