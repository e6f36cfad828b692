"""A rendered report, parsed so that tests can ask what is in it."""

import base64
import hashlib
import json
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from portproof.content.shipped import shipped
from portproof.report.contract import Theme
from portproof.report.html.page import render
from portproof.result.result import AuditResult

TEMPLATES = shipped("reports")
VOID = {"meta", "input", "img"}


class Page(HTMLParser):
    """A parsed report: every element with its attributes, in order, and the text inside each."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self._open: list[int] = []
        self.unbalanced: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember an element."""
        assert len(dict(attrs)) == len(attrs), f"{tag} has an attribute twice"
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self.texts.append("")
        if tag not in VOID:
            self._open.append(len(self.elements) - 1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember an element that closes itself."""
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the element that is open."""
        if not self._open or self.elements[self._open[-1]][0] != tag:
            self.unbalanced.append(tag)
            return
        self._open.pop()

    def handle_data(self, data: str) -> None:
        """Add text to every element it is in."""
        for index in self._open:
            self.texts[index] += data

    def handle_comment(self, data: str) -> None:
        """No comment is written."""
        self.unbalanced.append(f"comment {data}")

    def all(self, tag: str, **wanted: str) -> list[tuple[dict[str, str], str]]:
        """Attributes and text of the elements with a tag and a class."""
        return [
            (attributes, text)
            for (name, attributes), text in zip(self.elements, self.texts, strict=True)
            if name == tag
            and all(value in attributes.get(key, "").split() for key, value in wanted.items())
        ]

    @property
    def data(self) -> dict[str, Any]:
        """What the data block holds."""
        (block,) = (text for attributes, text in self.all("script") if "type" in attributes)
        document: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(block)))
        return document

    @property
    def script(self) -> str:
        """The page's script."""
        (text,) = (text for attributes, text in self.all("script") if "type" not in attributes)
        return text

    def where(self, attribute: str) -> list[dict[str, str]]:
        """Attributes of the elements that have one."""
        return [attributes for _, attributes in self.elements if attribute in attributes]


def page(result: AuditResult, templates: Path = TEMPLATES) -> Page:
    """Render and parse."""
    return Page("".join(render(result, Theme((templates,)))))


def sha256(text: str) -> str:
    """A hash as a Content-Security-Policy writes it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def verdicts(data: dict[str, Any]) -> list[list[str]]:
    """The verdict of every rule on every host, as a data block tells it."""
    kinds = [data["verdicts"][each] for each in data["states"]["verdict"]]
    rows = [
        [
            kinds[state]
            for state, times in zip(row[::2], row[1::2], strict=True)
            for _ in range(times)
        ]
        for row in data["rows"]
    ]
    return [rows[row] for row in data["hosts"]["row"]]
