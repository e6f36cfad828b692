"""Draws how the rooms of the package import each other, from the imports themselves.

``python tools/architecture.py`` writes ``docs/img/architecture.svg``, and the table of rooms in
``docs/architecture.md`` from their docstrings. A room is a folder of
``src/portproof``. It stands above every room that it imports; an arrow that follows from others is
left out, and so is what every room may import: ``text``, and the modules at the top of the package.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import TopologicalSorter
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCE: Final = ROOT / "src" / "portproof"
PICTURE: Final = ROOT / "docs" / "img" / "architecture.svg"

COMMON: Final = frozenset({"text"})
"""Rooms that are left out of the picture."""

PAGE: Final = ROOT / "docs" / "architecture.md"
_BEGIN: Final = "<!-- rooms: made by tools/architecture.py -->\n"
_END: Final = "<!-- end of rooms -->\n"

Arrow = tuple[str, str]

_SWEEPS: Final = 24
_LETTER: Final = 8.2
_BOX: Final = 32
_ROW: Final = 80
_GAP: Final = 26
_THREAD: Final = 6
"""Width of an arrow on its way past boxes."""

_MARGIN: Final = 24
_HEAD: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}"
 viewBox="0 0 {width:.0f} {height}" role="img">
<title>The rooms of portproof and their imports</title>
<style>
.ground {{ fill: #ffffff }} .box {{ fill: #eef3fa; stroke: #4a6fa5 }}
.name {{ fill: #1b2533; font: 600 14px system-ui, sans-serif; text-anchor: middle }}
.arrow {{ fill: none; stroke: #7a8799; stroke-width: 1.3 }} .head {{ fill: #7a8799 }}
@media (prefers-color-scheme: dark) {{
.ground {{ fill: #0d1117 }} .box {{ fill: #1a2636; stroke: #6f9ad6 }} .name {{ fill: #e4eaf2 }}
.arrow {{ stroke: #8593a6 }} .head {{ fill: #8593a6 }}
}}
</style>
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"
 orient="auto"><path class="head" d="M0 0L8 4L0 8z"/></marker></defs>
<rect class="ground" width="100%" height="100%" rx="8"/>"""


def room_of(file: Path) -> str:
    """Return the folder a file of the package is in; a module at its top is a room by itself."""
    folder, name = file.relative_to(SOURCE).parent, file.stem
    if folder != Path():
        return folder.as_posix()
    return "" if name == "__init__" else name


def module_file(module: str) -> Path | None:
    """Return the file of a module of the package, or None if there is none of that name."""
    path = SOURCE.joinpath(*module.split(".")[1:])
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)


def imports(file: Path) -> Iterator[Path]:
    """Yield the files of the package that a file imports."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            names = [f"{module}.{alias.name}" for alias in node.names]
            names = [name if module_file(name) else module for name in names]
        else:
            continue
        found = (module_file(name) for name in names if name.split(".")[0] == "portproof")
        yield from (each for each in found if each is not None)


def arrows() -> set[Arrow]:
    """Return which room imports which, the modules at the top of the package included.

    The package itself imports nothing: it names the public API, and loads it when it is used.
    """
    files = sorted({*SOURCE.rglob("*.py")} - {SOURCE / "__init__.py"})
    found = {(room_of(file), room_of(other)) for file in files for other in imports(file)}
    return {(own, other) for own, other in found if own != other}


class Graph:
    """Rooms with those arrows that do not follow from others, in levels: 0 imports no room."""

    def __init__(self, all_arrows: Iterable[Arrow]) -> None:
        told = [arrow for arrow in all_arrows if all(map(_is_drawn, arrow))]
        self.rooms = sorted({room for arrow in told for room in arrow})
        self._imports = {room: {b for a, b in told if a == room} for room in self.rooms}
        self.level: dict[str, int] = {}
        self._reached: dict[str, set[str]] = {}
        for room in TopologicalSorter(self._imports).static_order():
            below = self._imports[room]
            self.level[room] = 1 + max((self.level[each] for each in below), default=-1)
            self._reached[room] = below.union(*(self._reached[each] for each in below))
        self.arrows = sorted(arrow for arrow in told if not self._follows(*arrow))
        for room in sorted(self.rooms, key=lambda each: (-self.level[each], each)):
            self._raise(room)

    def _raise(self, room: str) -> None:
        """Raise a room as far as it can be, unless that made more arrows longer than shorter."""
        above = [own for own, other in self.arrows if other == room]
        below = [other for own, other in self.arrows if own == room]
        if len(above) >= len(below):
            self.level[room] = min(
                (self.level[each] - 1 for each in above), default=self.level[room]
            )

    def _follows(self, own: str, other: str) -> bool:
        return any(other in self._reached[room] for room in self._imports[own])


def _is_drawn(room: str) -> bool:
    return bool(room) and room not in COMMON and (SOURCE / room).is_dir()


class Stop(NamedTuple):
    """A place in a row: a room, or where an arrow passes (``arrow`` is then its two rooms)."""

    room: str
    arrow: Arrow | None = None

    @property
    def width(self) -> float:
        """Its width in pixels."""
        return _THREAD if self.arrow else len(self.room) * _LETTER + 2 * 13


Rows = dict[int, list[Stop]]
Places = Mapping[Stop, float]
Ways = Sequence[Sequence[tuple[int, Stop]]]


def ways(graph: Graph) -> list[list[tuple[int, Stop]]]:
    """Return for each arrow its stops from the top to the bottom, each with its level."""
    return [_way(graph, own, other) for own, other in graph.arrows]


def _way(graph: Graph, own: str, other: str) -> list[tuple[int, Stop]]:
    top, bottom = graph.level[own], graph.level[other]
    between = [(level, Stop(f"{level}", (own, other))) for level in range(top - 1, bottom, -1)]
    return [(top, Stop(own)), *between, (bottom, Stop(other))]


def placed(graph: Graph, found: Ways) -> dict[Stop, float]:
    """Place all stops: the middle of each on the horizontal axis, in pixels."""
    rows: Rows = {level: [] for level in range(max(graph.level.values()) + 1)}
    for room in graph.rooms:
        rows[graph.level[room]].append(Stop(room))
    for way in found:
        for level, stop in way[1:-1]:
            rows[level].append(stop)
    near = _neighbours(found)
    best = min(_orders(rows, near), key=lambda each: _crossings(each, found))
    return _straightened(best, near)


def _neighbours(found: Ways) -> dict[Stop, list[Stop]]:
    near: dict[Stop, list[Stop]] = {}
    for way in found:
        for (_, above), (_, below) in pairwise(way):
            near.setdefault(above, []).append(below)
            near.setdefault(below, []).append(above)
    return near


def _orders(rows: Rows, near: Mapping[Stop, Sequence[Stop]]) -> Iterator[Rows]:
    """Yield rows whose stops come nearer to those they are joined with, sweep by sweep."""
    for sweep in range(_SWEEPS):
        index = {stop: _share(row, at) for row in rows.values() for at, stop in enumerate(row)}
        for level in sorted(rows, reverse=sweep % 2 == 0):
            rows[level] = sorted(rows[level], key=lambda stop: _mean(index, near[stop]))
            index |= {stop: _share(rows[level], at) for at, stop in enumerate(rows[level])}
        yield {level: list(row) for level, row in rows.items()}


def _share(row: Sequence[Stop], at: int) -> float:
    return (at + 0.5) / len(row)


def _mean(places: Places, stops: Sequence[Stop]) -> float:
    return round(sum(places[stop] for stop in stops) / len(stops), 6)


def _crossings(rows: Rows, found: Ways) -> int:
    at = {stop: place for row in rows.values() for place, stop in enumerate(row)}
    steps = [(level, at[a], at[b]) for way in found for (level, a), (_, b) in pairwise(way)]
    return sum(
        level == other and (a - c) * (b - d) < 0
        for number, (level, a, b) in enumerate(steps)
        for other, c, d in steps[:number]
    )


def _straightened(rows: Rows, near: Mapping[Stop, Sequence[Stop]]) -> dict[Stop, float]:
    """Move stops towards what they are joined with, in their order and with gaps between them."""
    places = {stop: x for row in rows.values() for stop, x in _packed(row, [0.0] * len(row))}
    for sweep in range(_SWEEPS):
        for level in sorted(rows, reverse=sweep % 2 == 0):
            row = rows[level]
            places |= _packed(row, [_mean(places, near[stop]) for stop in row])
    left = min(x - stop.width / 2 for stop, x in places.items())
    return {stop: x - left + _MARGIN for stop, x in places.items()}


def _packed(row: Sequence[Stop], wanted: Sequence[float]) -> list[tuple[Stop, float]]:
    """Place a row as near as can be to where its stops want to be (isotonic regression)."""
    offsets = [0.0]
    for left, right in pairwise(row):
        offsets.append(offsets[-1] + (left.width + right.width) / 2 + _GAP)
    blocks: list[list[float]] = []
    for want, offset in zip(wanted, offsets, strict=True):
        blocks.append([want - offset])
        while len(blocks) > 1 and _middle(blocks[-2]) > _middle(blocks[-1]):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    starts = [_middle(block) for block in blocks for _ in block]
    return [
        (stop, start + offset) for stop, start, offset in zip(row, starts, offsets, strict=True)
    ]


def _middle(block: Sequence[float]) -> float:
    return round(sum(block) / len(block), 6)


def picture(graph: Graph) -> str:
    """Draw the rooms, the highest level at the top."""
    found = ways(graph)
    places = placed(graph, found)
    width = max(x + stop.width / 2 for stop, x in places.items()) + _MARGIN
    height = max(graph.level.values()) * _ROW + _BOX + 2 * _MARGIN
    lines = (_line(graph, way, places, found) for way in found)
    boxes = (_box(graph, room, places[Stop(room)]) for room in graph.rooms)
    return "\n".join([_HEAD.format(width=width, height=height), *lines, *boxes, "</svg>\n"])


def _top(graph: Graph, level: int) -> int:
    return _MARGIN + (max(graph.level.values()) - level) * _ROW


def _box(graph: Graph, room: str, middle: float) -> str:
    width, top = Stop(room).width, _top(graph, graph.level[room])
    text = f'<text class="name" x="{middle:.0f}" y="{top + 21}">{escape(room)}</text>'
    left = f'x="{middle - width / 2:.0f}" y="{top}"'
    return f'<rect class="box" {left} width="{width:.0f}" height="{_BOX}" rx="6"/>{text}'


def _line(graph: Graph, way: Sequence[tuple[int, Stop]], places: Places, found: Ways) -> str:
    """Draw an arrow: straight down past each row, in a curve from one row to the next."""
    (level, first), (lowest, last) = way[0], way[-1]
    below = sorted(places[each[1][1]] for each in found if each[0][1] == first)
    above = sorted(places[each[-2][1]] for each in found if each[-1][1] == last)
    x = _port(first, places, below.index(places[way[1][1]]), len(below))
    end = _port(last, places, above.index(places[way[-2][1]]), len(above))
    y = _top(graph, level) + _BOX
    drawn = [f"M{x:.0f} {y}"]
    for level, stop in way[1:-1]:
        drawn.append(_curve(x, y, places[stop], _top(graph, level)))
        x, y = places[stop], _top(graph, level) + _BOX
        drawn.append(f"V{y}")
    drawn.append(_curve(x, y, end, _top(graph, lowest) - 2))
    return f'<path class="arrow" d="{"".join(drawn)}" marker-end="url(#head)"/>'


def _port(stop: Stop, places: Places, number: int, count: int) -> float:
    """Return where an arrow leaves or reaches a box, so that they do not lie on each other."""
    step = min(14.0, (stop.width - 16) / count)
    return places[stop] + (number - (count - 1) / 2) * step


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    middle = (y + to_y) / 2
    return f"C{x:.0f} {middle:.0f} {to_x:.0f} {middle:.0f} {to_x:.0f} {to_y}"


def purpose(room: str) -> str:
    """Return what a room is for: the first sentence of its docstring."""
    text = (SOURCE / room / "__init__.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]


def page(text: str) -> str:
    """Return the page with its table of rooms made anew, the lowest level last."""
    graph = Graph(arrows())
    rooms = sorted(graph.rooms, key=lambda room: (-graph.level[room], room))
    rows = [f"| `{room}` | {purpose(room)} |\n" for room in (*rooms, *sorted(COMMON))]
    before, _, rest = text.partition(_BEGIN)
    table = "| room | what it is for |\n|---|---|\n" + "".join(rows)
    return f"{before}{_BEGIN}{table}{_END}{rest.partition(_END)[2]}"


if __name__ == "__main__":
    PICTURE.write_text(picture(Graph(arrows())), encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
