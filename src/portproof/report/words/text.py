"""Show a policy's text in reports: nothing hidden, prose in paragraphs and steps."""

import re
from dataclasses import dataclass

from portproof.text.safe import TEXT, escaped
from portproof.text.visible import shortened, visible

_STEP = re.compile(r"(\d{1,3})\.\s+(.*)", re.DOTALL)
_LINK = re.compile(r"https?://(?:[A-Za-z0-9._~:/?#@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")


def is_link(text: str) -> bool:
    """Return whether a text is a web address of plain characters that may become a link."""
    return _LINK.fullmatch(text) is not None and text.count("#") <= 1


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a paragraph; ``code`` when it was written between backticks."""

    text: str
    code: bool

    @property
    def words(self) -> list[str]:
        """The words of a piece of code; lines break between them only."""
        return self.text.split()


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph, or a numbered step when ``step`` is not 0."""

    step: int
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """Paragraphs that belong together: consecutive steps, or paragraphs that are not steps."""

    steps: bool
    paragraphs: tuple[Paragraph, ...]


def prose(text: str | None) -> tuple[Passage, ...]:
    """Parse a policy's text into paragraphs, numbered steps (``1.``) and code (backticks)."""
    passages: list[Passage] = []
    for paragraph in map(_paragraph, _parts(text or "")):
        steps = paragraph.step > 0
        if passages and passages[-1].steps == steps:
            before = passages.pop().paragraphs
            passages.append(Passage(steps, (*before, paragraph)))
        else:
            passages.append(Passage(steps, (paragraph,)))
    return tuple(passages)


def _parts(text: str) -> list[str]:
    between_parts = r"\n\s*\n" if re.search(r"\n\s*\n", text.strip()) else r"\n"
    return [" ".join(part.split("\n")) for part in re.split(between_parts, text.strip()) if part]


def _paragraph(text: str) -> Paragraph:
    match = _STEP.fullmatch(text.strip())
    return Paragraph(int(match[1]), _spans(match[2])) if match else Paragraph(0, _spans(text))


def _spans(text: str) -> tuple[Span, ...]:
    pieces = text.split("`")
    if len(pieces) % 2 == 0:
        return (Span(text, code=False),)
    return tuple(Span(piece, bool(at % 2)) for at, piece in enumerate(pieces) if piece)


def markdown(text: str | None) -> str:
    """Return a policy's text as Markdown: steps and code stay, everything else is escaped."""
    return "\n\n".join(_passage(passage) for passage in prose(shortened(text or "", TEXT)))


def _passage(passage: Passage) -> str:
    parts = (
        (f"{each.step}. " if passage.steps else "")
        + "".join(_code(span.text) if span.code else escaped(span.text) for span in each.spans)
        for each in passage.paragraphs
    )
    return ("\n" if passage.steps else "\n\n").join(parts)


def _code(text: str) -> str:
    return f"`{visible(text)}`"
