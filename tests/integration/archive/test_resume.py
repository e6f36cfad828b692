"""``--resume`` looks at what is left, and never makes an old look the newest audit."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from portproof.archive.results import read_result
from support.calling import Done, portproof
from support.folders import reseal, save

pytestmark = pytest.mark.needs("root")
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a policy that this machine keeps."""
    rules = [{"id": "quiet", "closed": "1/tcp"}]
    save(tmp_path / "own.yml", {"policy": "own", "title": "Own", "rules": rules})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def audit(output: str, *more: str) -> Done:
    """Audit this machine, which keeps the policy."""
    return portproof("audit", "-p", "own.yml", "--via", "probe", "-o", output, *more)


def dark_and_proven(output: str) -> Done:
    """Audit this machine, and one that cannot be reached."""
    return audit(output, "-i", "localhost,localhost.localdomain,", "-T", "2")


def age(folder: str, by: timedelta) -> None:
    """Make a whole folder one of an audit that was made earlier."""
    path = Path(folder)
    run = json.loads((path / "manifest.json").read_text(encoding="utf-8"))["run"]
    for name in ("manifest.json", "audit.json", "request.json"):
        text = (path / name).read_text(encoding="utf-8")
        for told in {run["started"], run["finished"]}:
            text = text.replace(told, (datetime.fromisoformat(told) - by).isoformat())
        (path / name).write_text(text, encoding="utf-8")
    reseal(path)


def contents(folder: str) -> dict[str, bytes]:
    """Every file of a folder."""
    return {file.name: file.read_bytes() for file in Path(folder).iterdir()}


def test_a_finished_audit_with_nothing_left_stays_as_it_is() -> None:
    """Nothing is written, and nothing judged: exit code 2."""
    assert audit("audits/1").code == 0
    before = contents("audits/1")
    done = portproof("audit", "--resume", "audits/1")
    assert (done.code, done.out) == (2, "")
    assert "nothing is left to audit in audits/1" in done.err
    assert contents("audits/1") == before


def test_a_killed_audit_with_nothing_left_is_written() -> None:
    """Its looks are there, its result is not; it began when it began."""
    audit("audits/1")
    age("audits/1", HOUR)
    started = read_result(Path("audits/1")).run.started
    for name in ("manifest.json", "audit.json", "report.html"):
        (Path("audits/1") / name).unlink()
    assert portproof("audit", "--resume", "audits/1").code == 0
    run = read_result(Path("audits/1")).run
    assert run.started == started < run.finished


@pytest.mark.parametrize("version", ["this", "the one before"])
def test_an_audit_that_goes_on_began_when_it_began(version: str) -> None:
    """It is compared with what was finished then, and not with what was audited since."""
    assert audit("audits/0", "-i", "localhost,localhost.localdomain,", "-T", "2").code == 3
    age("audits/0", 3 * HOUR)
    dark_and_proven("audits/1")
    age("audits/1", HOUR)
    if version == "the one before":
        request = json.loads((Path("audits/1") / "request.json").read_text(encoding="utf-8"))
        del request["started"]
        (Path("audits/1") / "request.json").write_text(json.dumps(request), encoding="utf-8")
        reseal(Path("audits/1"))
    dark_and_proven("audits/2")
    started = read_result(Path("audits/1")).run.started
    assert portproof("audit", "--resume", "audits/1").code == 3
    result = read_result(Path("audits/1"))
    assert result.run.started == started < result.run.finished
    assert result.changes is not None
    assert Path(result.changes.before.folder).name == "0"
    assert portproof("verify", "audits/1").code == 0


def test_an_audit_is_not_compared_with_one_that_is_not_before_it() -> None:
    """Also if it is asked for by name."""
    audit("audits/1")
    age("audits/1", -HOUR)
    assert "since " not in audit("audits/2").out
    done = audit("audits/3", "--since", "audits/1")
    assert done.code == 2
    assert "is not an earlier audit: it finished at" in done.err
    assert not Path("audits/3").exists()


def test_waivers_hold_as_they_hold_when_it_goes_on(place: Path) -> None:
    """The day is that of the last look, not of the first."""
    dark_and_proven("out")
    age("out", 30 * HOUR)
    portproof("audit", "--resume", "out")
    basis = read_result(place / "out").basis
    assert basis is not None
    assert basis.today == datetime.now(UTC).date()
    shutil.rmtree(place / "out")
