"""Every file under tests/cases/wrong gives exactly the errors its ``#!`` lines say, all at once."""

from pathlib import Path

import pytest

from portproof.content.lint import lint
from portproof.content.load import load
from portproof.content.shipped import shipped
from support.paths import CASES

WRONG = CASES / "wrong"
FILES = sorted(WRONG.rglob("*.yml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_wrong_content_is_told_with_its_place(file: Path) -> None:
    """The errors are those in the file's own comments, in order, each with line and column."""
    lines = file.read_text(encoding="utf-8").splitlines()
    expected = [line.removeprefix("#! ") for line in lines if line.startswith("#! ")]
    assert expected, "a wrong file says what is wrong with it"
    assert errors(file) == expected


def errors(file: Path) -> list[str]:
    """What loading and linting say about a file, without its name."""
    checks = [shipped("checks")]
    a_check = file.parent.name == "checks"
    content = load([], [*checks, file]) if a_check else load([file], checks)
    lint(content)
    told = (f"{problem} [{problem.code}]" for problem in sorted(content.problems))
    return [each.removeprefix(str(file)).lstrip(":").strip() for each in told]
