"""Every folder under ``cases`` is an import: its input, what must come of it, and what is told.

``input.*`` is what is imported, ``told.txt`` is standard error, and the folder ``expected`` holds
the files that must be written. Without it nothing must be, and the exit code is 2.
"""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from portproof.cli import cli
from portproof.exitcodes import ExitCode
from support.paths import CASES

IMPORTS = CASES / "imports"
FOLDERS = sorted(folder for kind in IMPORTS.iterdir() for folder in kind.iterdir())


def files_in(folder: Path) -> dict[str, str]:
    """The text of every file below a folder, by its path there."""
    found = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_text(encoding="utf-8") for file in found}


@pytest.mark.parametrize("case", FOLDERS, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_an_import_writes_and_tells_what_its_case_says(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files, messages and exit code are those of the case."""
    shutil.copytree(case, tmp_path / "source")
    monkeypatch.chdir(tmp_path / "source")
    source = next(Path().glob("input.*"))
    command = ["import", case.parent.name, str(source), "--output", str(tmp_path / "made")]
    done = CliRunner().invoke(cli, command, standalone_mode=False, catch_exceptions=False)
    written = files_in(tmp_path / "made")
    assert done.stderr == (case / "told.txt").read_text(encoding="utf-8")
    assert written == files_in(case / "expected")
    assert done.return_value == (ExitCode.PROVEN if written else ExitCode.ERROR)


@pytest.mark.parametrize(
    "case",
    [each for each in FOLDERS if (each / "expected" / "policies").is_dir()],
    ids=lambda case: f"{case.parent.name}/{case.name}",
)
def test_what_an_import_writes_lints(case: Path) -> None:
    """``portproof lint`` finds nothing wrong with any file of the cases."""
    command = ["lint", str(case / "expected" / "policies")]
    done = CliRunner().invoke(cli, command, standalone_mode=False, catch_exceptions=False)
    assert done.output.startswith("no error; policies: 1,")
