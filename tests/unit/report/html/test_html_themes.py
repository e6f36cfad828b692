"""Themes: a folder of templates and styles, a title, a logo and a footer."""

import base64
import json
import zlib
from pathlib import Path

import pytest

from portproof.errors import TemplateError
from portproof.report.contract import Theme
from portproof.report.html.page import check, render
from support.report.pages import TEMPLATES, Page, sha256
from support.report.results import HOSTILE, mixed

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><script>canary=1</script></svg>'


def themed(*folders: Path, title: str = "", logo: Path | None = None, footer: str = "") -> Page:
    """The mixed sample with a theme over the shipped one."""
    theme = Theme((*folders, TEMPLATES), title=title, logo=logo, footer=footer)
    return Page("".join(render(mixed(), theme)))


def policy(parsed: Page) -> str:
    """The page's Content-Security-Policy."""
    (told,) = (each["content"] for each, _ in parsed.all("meta") if "http-equiv" in each)
    return told


def test_title_and_footer_are_text() -> None:
    """Both are shown as they are written, escaped."""
    parsed = themed(title=HOSTILE[0], footer=HOSTILE[1])
    assert HOSTILE[0] in parsed.all("p", **{"class": "brand"})[0][1]
    assert parsed.all("title")[0][1].startswith(f"{HOSTILE[0]}: Failed")
    assert parsed.all("p", **{"class": "own"})[0][1] == HOSTILE[1]
    assert "own" not in str(themed().all("p", **{"class": "own"}))


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [("a.png", PIXEL, "image/png"), ("a.SVG", SVG, "image/svg+xml")],
)
def test_logo_is_an_image_in_the_page(tmp_path: Path, name: str, content: bytes, kind: str) -> None:
    """A logo is a data URI in an image, never markup; only then does the policy allow images."""
    file = tmp_path / name
    file.write_bytes(content)
    parsed = themed(logo=file)
    ((image, _),) = parsed.all("img")
    assert image["src"] == f"data:{kind};base64,{base64.b64encode(content).decode()}"
    assert "img-src data:;" in policy(parsed)
    assert "img-src" not in policy(themed())


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.gif", b"GIF89a", "a logo is a file of type"),
        ("a.png", SVG, "is not image/png"),
        ("a.svg", PIXEL, r"is not image/svg\+xml"),
        ("a.png", PIXEL + bytes(600_000), "too large for a logo"),
        ("none.png", None, "cannot be read"),
    ],
)
def test_a_logo_that_is_none_is_an_error(
    tmp_path: Path, name: str, content: bytes | None, told: str
) -> None:
    """What is no image of a known type and sensible size is refused before a host is seen."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(TemplateError, match=told) as caught:
        check(Theme((TEMPLATES,), logo=tmp_path / name))
    assert str(tmp_path / name) in str(caught.value)


def test_a_folder_overrides_one_template_and_leaves_the_others(tmp_path: Path) -> None:
    """What the folder lacks is the shipped one's."""
    (tmp_path / "warnings.html").write_text("<p id=ours>{{ report.warnings_text }}</p>")
    parsed = themed(tmp_path)
    assert parsed.all("p", id="ours")[0][1] == "1 warning"
    assert parsed.all("section", id="failures")


def test_a_folder_can_add_to_the_stylesheet_replace_a_part_or_all_of_it(tmp_path: Path) -> None:
    """Parts are joined in the order of their names; report.css takes the place of all."""
    (tmp_path / "css").mkdir()
    (tmp_path / "css" / "99-own.css").write_text("h1 { color: teal }")
    (tmp_path / "css" / "90-print.css").write_text("")
    style = themed(tmp_path).all("style")[0][1]
    assert style.endswith("h1 { color: teal }")
    assert ".masthead" in style
    assert "@media print" not in style
    (tmp_path / "report.css").write_text("h1 { color: red }")
    parsed = themed(tmp_path)
    assert parsed.all("style")[0][1] == "h1 { color: red }"
    assert sha256("h1 { color: red }") in policy(parsed)


def test_a_broken_template_is_found_before_there_is_a_result(tmp_path: Path) -> None:
    """Every template of the folder is read, also those that another one includes."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "own.html").write_text("one\n{% if %}")
    with pytest.raises(TemplateError, match=r"own\.html:2: "):
        check(Theme((tmp_path, TEMPLATES)))


def test_the_data_is_whole_in_a_theme_of_ones_own(tmp_path: Path) -> None:
    """A template may write the data block itself."""
    (tmp_path / "report.html").write_text("{% for piece in data %}{{ piece }}{% endfor %}")
    text = "".join(render(mixed(), Theme((tmp_path, TEMPLATES))))
    assert json.loads(zlib.decompress(base64.b64decode(text)))["rules"]
