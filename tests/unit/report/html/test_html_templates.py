"""What happens when a report template is missing, is wrong, or is somebody's own."""

import re
import shutil
from pathlib import Path

import pytest

from portproof.errors import TemplateError
from portproof.report.contract import Theme
from portproof.report.html.page import render
from support.report.pages import TEMPLATES, Page, sha256
from support.report.results import hostile, mixed

BROKEN = {
    "syntax": ("failures.html", "line\n{% for %}\n", r"failures\.html:2: "),
    "undefined": (
        "failures.html",
        "line\n\n{{ report.nonsense }}\n",
        r"failures\.html:3: .*nonsense",
    ),
    "undefined name": ("run.html", "{{ nonsense }}\n", r"run\.html:1: 'nonsense' is undefined"),
    "missing include": (
        "masthead.html",
        "\n{% include 'gone.html' %}",
        r"masthead\.html:2: .*gone",
    ),
    "exception": ("bars.html", "{{ 1 // 0 }}", r"bars\.html:1: .*division"),
    "endless": ("bars.html", "{% include 'bars.html' %}", r"bars\.html:1: .*recursion"),
    "not text": (
        "warnings.html",
        "{{ report.state }}",
        r"warnings\.html:1: a value of type AuditState cannot be",
    ),
    "no text either": (
        "run.html",
        "\n{{ report.interrupted }}",
        r"run\.html:2: a value of type bool cannot be",
    ),
    "style that leaves": ("report.css", "a{} </STYLE>", r"report\.css: holds '</style'"),
    "script that leaves": ("report.js", "'</script>'", r"report\.js: holds '</script'"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_template_that_fails_is_named_with_its_line(tmp_path: Path, name: str) -> None:
    """Every failure of a template is a TemplateError that says where."""
    file, text, expected = BROKEN[name]
    templates = Path(shutil.copytree(TEMPLATES, tmp_path / "reports"))
    (templates / file).write_text(text, encoding="utf-8")
    with pytest.raises(TemplateError, match=expected) as caught:
        list(render(mixed(), Theme((templates,))))
    assert str(templates) in str(caught.value)


@pytest.mark.parametrize("file", ["report.html", "parts.html"])
def test_missing_file_is_named(tmp_path: Path, file: str) -> None:
    """A folder that lacks a file gives a TemplateError with the file's name."""
    templates = Path(shutil.copytree(TEMPLATES, tmp_path / "reports"))
    (templates / file).unlink()
    with pytest.raises(TemplateError, match=re.escape(file)):
        list(render(mixed(), Theme((templates,))))


@pytest.mark.parametrize("file", ["report.html", "css/10-base.css", "js/10-roster.js"])
def test_file_that_is_not_utf8_is_an_error(tmp_path: Path, file: str) -> None:
    """Bytes that are no text are an error, not a report with holes."""
    templates = Path(shutil.copytree(TEMPLATES, tmp_path / "reports"))
    (templates / file).write_bytes(b"\xff\xfe")
    with pytest.raises(TemplateError, match=re.escape(file)):
        list(render(mixed(), Theme((templates,))))


def test_folder_without_templates_is_an_error(tmp_path: Path) -> None:
    """An empty folder, or none at all, is an error."""
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(TemplateError):
            list(render(mixed(), Theme((folder,))))


def test_themes_get_the_same_defences(tmp_path: Path) -> None:
    """A template of somebody's own is escaped, and its stylesheet is let in by its own hash."""
    (tmp_path / "report.html").write_text(
        '<meta content="{{ csp }}"><style>{{ style }}</style>{{ report.warnings[0] }}',
        encoding="utf-8",
    )
    (tmp_path / "report.css").write_text("a { color: red }", encoding="utf-8")
    (tmp_path / "report.js").write_text("", encoding="utf-8")
    text = "".join(render(hostile(), Theme((tmp_path,))))
    assert text.endswith("&lt;script&gt;window.canary = 1&lt;/script&gt;")
    assert sha256("a { color: red }") in Page(text).all("meta")[0][0]["content"]
