"""Compiled templates are kept beside compiled modules, and never stand for another source."""

import sys
from pathlib import Path

import jinja2
import pytest

from portproof.report.html.compiled import Kept


@pytest.fixture(autouse=True)
def python_keeps_what_it_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment says."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)


def rendered(templates: Path, cache: Kept) -> tuple[str, int]:
    """What a template says, and how often templates were compiled for it."""
    compiled = []

    class Counting(jinja2.Environment):
        def _generate(self, *args: object, **options: object) -> str:
            compiled.append(args)
            return str(super()._generate(*args, **options))  # type: ignore[arg-type]

    environment = Counting(
        loader=jinja2.FileSystemLoader(templates), bytecode_cache=cache, autoescape=True
    )
    return environment.get_template("page.html").render(), len(compiled)


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    """A folder with one template."""
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "page.html").write_text("{{ 1 + 1 }} one")
    return folder


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A folder for what is compiled."""
    folder = tmp_path / "kept"
    folder.mkdir()
    return folder


def test_a_template_is_compiled_once(templates: Path, kept: Path) -> None:
    """The next process takes it from its file."""
    assert rendered(templates, Kept(b"one", kept)) == ("2 one", 1)
    assert rendered(templates, Kept(b"one", kept)) == ("2 one", 0)


def test_another_source_or_purpose_is_compiled_again(templates: Path, kept: Path) -> None:
    """So is one for another environment, whose escaping is part of the code."""
    rendered(templates, Kept(b"one", kept))
    assert rendered(templates, Kept(b"other", kept)) == ("2 one", 1)
    (templates / "page.html").write_text("{{ 1 + 1 }} two")
    assert rendered(templates, Kept(b"one", kept)) == ("2 two", 1)


@pytest.mark.parametrize("left", [0, 5, 20, 40])
def test_what_was_cut_off_or_overwritten_is_compiled_again(
    templates: Path, kept: Path, left: int
) -> None:
    """A full disk must not end an audit."""
    rendered(templates, Kept(b"one", kept))
    (file,) = kept.iterdir()
    file.write_bytes(file.read_bytes()[:left])
    assert rendered(templates, Kept(b"one", kept)) == ("2 one", 1)
    file.write_bytes(file.read_bytes()[:left] + b"\xff" * 40)
    assert rendered(templates, Kept(b"one", kept)) == ("2 one", 1)


def test_nothing_is_kept_where_nothing_can_or_may_be(
    templates: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is not there, and ``PYTHONDONTWRITEBYTECODE``."""
    assert rendered(templates, Kept(b"one", kept / "none")) == ("2 one", 1)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert rendered(templates, Kept(b"one", kept)) == ("2 one", 1)
    assert not list(kept.iterdir())
