"""``portproof report`` renders a folder again, and overwrites nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from portproof.archive.outputs import write_new
from portproof.errors import TemplateError
from support.calling import portproof
from support.folders import job_of, looks_of, write

FORMATS = ("html", "json", "csv", "markdown")


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole folder with every verdict there is."""
    path = tmp_path_factory.mktemp("audited") / "out"
    write(path, job_of(), looks_of(), formats=FORMATS)
    return path


def test_a_report_is_the_same_when_rendered_again(audited: Path, tmp_path: Path) -> None:
    """Every file is, byte for byte, what the audit wrote."""
    wanted = [word for name in FORMATS for word in ("--format", name)]
    done = portproof("report", audited, *wanted, "-o", tmp_path / "again")
    assert (done.code, done.err) == (0, "")
    written = [file.name for file in (tmp_path / "again").iterdir()]
    assert len(written) == len(FORMATS)
    for name in written:
        assert (tmp_path / "again" / name).read_bytes() == (audited / name).read_bytes()
        assert f"written: {tmp_path / 'again' / name}" in done.out


def test_one_format_goes_to_standard_output(audited: Path) -> None:
    """Nothing but the report is in it."""
    done = portproof("report", audited, "--format", "json", "-o", "-")
    assert (done.code, done.out) == (0, (audited / "audit.json").read_text(encoding="utf-8"))


def test_html_is_what_is_written_unless_told_otherwise(
    audited: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Into the current folder."""
    monkeypatch.chdir(tmp_path)
    assert portproof("report", audited).code == 0
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_nothing_is_overwritten(audited: Path, tmp_path: Path) -> None:
    """One file that is there already keeps all from being written."""
    (tmp_path / "report.html").write_text("mine", encoding="utf-8")
    done = portproof("report", audited, "--format", "json", "--format", "html", "-o", tmp_path)
    assert done.code == 2
    assert f"{tmp_path / 'report.html'} exists already; nothing was written" in done.err
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--format", "none"], "there is no format 'none'"),
        (
            ["--format", "html", "--format", "json", "-o", "-"],
            "only one format can go to standard output",
        ),
    ],
)
def test_what_cannot_be_written_is_refused(audited: Path, args: list[str], said: str) -> None:
    """With exit code 2, and what to do."""
    done = portproof("report", audited, *args)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_an_edited_folder_is_not_rendered(tmp_path: Path) -> None:
    """A report of it would look as good as any other."""
    write(tmp_path / "out", job_of(), looks_of())
    with (tmp_path / "out" / "evidence.jsonl").open("a", encoding="utf-8") as file:
        file.write("\n")
    done = portproof("report", tmp_path / "out", "-o", tmp_path / "again")
    assert done.code == 2
    assert "evidence.jsonl: was edited" in done.err
    assert not (tmp_path / "again").exists()


def test_a_folder_that_cannot_be_written_is_an_error(audited: Path, tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "file").write_text("x", encoding="utf-8")
    done = portproof("report", audited, "-o", tmp_path / "file")
    assert done.code == 2
    assert "cannot write" in done.err


def test_a_format_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    """Neither its own file nor those that were rendered before it."""

    def failing() -> Iterator[str]:
        yield "half a report"
        raise TemplateError("report.html:1: no such thing")

    with pytest.raises(TemplateError):
        write_new(tmp_path, {"audit.json": ["{}"], "report.html": failing()})
    assert list(tmp_path.iterdir()) == []
