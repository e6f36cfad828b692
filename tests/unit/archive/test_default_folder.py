"""The folder of an audit that names none."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from portproof.archive.folder import default_folder
from portproof.errors import OutputError

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
NAME = "20260304T050607Z"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with nothing in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_audits_of_one_second_get_a_folder_each() -> None:
    """The second is begun while the first has written nothing yet."""
    with ExitStack() as stack, ThreadPoolExecutor(8) as pool:
        made = [*pool.map(lambda _: stack.enter_context(default_folder(NOW)), range(40))]
        names = {folder.name for folder in made}
        assert names == {NAME, *(f"{NAME}-{number}" for number in range(2, 41))}
        assert all(folder.is_dir() for folder in made)


def test_nothing_is_left_of_a_folder_that_nothing_was_put_into(here: Path) -> None:
    """Whatever refused the audit; the folder around it goes where it was not there before."""
    with pytest.raises(ValueError, match="refused"), default_folder(NOW):
        raise ValueError("refused")
    assert [*here.iterdir()] == []
    (here / "audits").mkdir()
    with default_folder(NOW):
        pass
    assert [*here.rglob("*")] == [here / "audits"]


def test_a_folder_that_was_written_to_stays() -> None:
    """With what is in it."""
    with default_folder(NOW) as folder:
        (folder / "evidence.jsonl").touch()
    assert Path("audits", NAME, "evidence.jsonl").is_file()


@pytest.mark.parametrize("harm", ["a file", "a link to nowhere"])
def test_where_there_can_be_none_is_told(here: Path, harm: str) -> None:
    """And nothing is tried for ever."""
    if harm == "a file":
        (here / "audits").touch()
    else:
        (here / "audits").symlink_to("/nonexistent/nowhere/else")
    with pytest.raises(OutputError, match="audits"), default_folder(NOW):
        pass
