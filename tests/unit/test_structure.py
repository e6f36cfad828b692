"""The structure that keeps the code readable: import direction, sizes, entry points."""

import ast
import importlib
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from statistics import median

from architecture import PAGE, PICTURE, Graph, arrows, page, picture, room_of
from support.for_each import for_each
from support.paths import ROOT

SOURCE = ROOT / "src" / "portproof"
EVERYTHING = sorted(
    file
    for folder in ("src", "tests", "benchmarks", "tools")
    for file in (ROOT / folder).rglob("*.py")
    if "node_modules" not in file.parts
)

LEVELS = (
    {"", "defaults", "errors", "exitcodes"},
    {"agent", "model", "text"},
    {"policy/rules"},
    {"policy"},
    {"result"},
    {"catalog", "diff", "inventory", "sources", "triage"},
    {"content", "investigate", "judge", "report/words"},
    {"report"},
    {"report/formats", "report/html"},
    {"archive", "importers", "ssh"},
    {"run"},
    {"app"},
    {"cli"},
    {"__main__"},
)
"""The rooms of the package, sub-rooms included: a room may import those of the levels before it."""
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
LOOSE_MODULES = 5

LONGEST_FILE = 400
LONGEST_FUNCTION = 60
MEDIAN_FILE = 150
MEDIAN_FUNCTION = 8


@cache
def nodes(file: Path) -> list[ast.AST]:
    """Return the statements and definitions of a file, nested ones too."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]


def functions(file: Path) -> Iterator[tuple[str, int]]:
    """Every function of a file with its length in lines."""
    for node in nodes(file):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{file.name}:{node.name}", (node.end_lineno or 0) - node.lineno + 1


@cache
def all_arrows() -> set[tuple[str, str]]:
    """Return which room imports which."""
    return arrows()


def test_a_unit_test_starts_no_program() -> None:
    """It needs no part of the machine either: such tests are in tests/integration."""
    refused = {"subprocess", "multiprocessing", "support.netns", "support.machine"}
    for file in (ROOT / "tests" / "unit").rglob("*.py"):
        names = {name for node in nodes(file) for name in _imported(node)}
        assert names & refused == set(), file
        assert not re.search(
            r"^@pytest\.mark\.needs", file.read_text(encoding="utf-8"), re.MULTILINE
        ), file


def test_imports_point_one_way() -> None:
    """A module imports its own room and rooms of lower levels, never a sibling or a higher one."""
    wrong = [f"{own} imports {other}" for own, other in all_arrows() if LEVEL[other] >= LEVEL[own]]
    assert sorted(wrong) == []


def test_the_picture_and_the_table_of_rooms_are_up_to_date() -> None:
    """docs/architecture.md shows what the imports and the docstrings say."""
    assert PICTURE.read_text(encoding="utf-8") == picture(Graph(all_arrows())), "run make docs"
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text), "run make docs"


def test_every_room_is_there() -> None:
    """The table of rooms holds what is there and nothing else."""
    assert {room_of(file) for file in SOURCE.rglob("*.py")} == set(LEVEL)
    assert len(list(SOURCE.glob("*.py"))) <= LOOSE_MODULES


def type_names(file: Path) -> Iterator[str]:
    """Yield the name of every class and type alias of a file, without leading underscores."""
    for node in nodes(file):
        if isinstance(node, ast.ClassDef):
            yield node.name.lstrip("_")
        target = node.targets[0] if isinstance(node, ast.Assign) and not node.col_offset else None
        if isinstance(target, ast.Name) and re.match("_*[A-Z]+[a-z]", target.id):
            yield target.id.lstrip("_")


def test_a_type_name_is_defined_once() -> None:
    """A class or type alias has a name that nothing else in the package has, private or not."""
    counts = Counter(name for file in SOURCE.rglob("*.py") for name in type_names(file))
    assert {name for name, count in counts.items() if count > 1} == set()


def test_libraries_stay_in_one_room() -> None:
    """A library that only one room needs is imported there alone."""
    homes = {"osquery": "sources", "thrift": "sources", "jinja2": "report", "click": "cli"}
    for file in SOURCE.rglob("*.py"):
        own = file.relative_to(SOURCE).with_suffix("").parts[0]
        names = {name.split(".")[0] for node in nodes(file) for name in _imported(node)}
        for library in names & set(homes):
            assert homes[library] == own, f"{file} imports {library}"


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def test_no_file_and_no_function_is_too_long() -> None:
    """Files stay under 400 lines and functions under 60."""
    sizes = {str(file): file.read_text(encoding="utf-8").count("\n") for file in EVERYTHING}
    long = [name for name, size in sizes.items() if size > LONGEST_FILE]
    long += [
        name for file in EVERYTHING for name, size in functions(file) if size > LONGEST_FUNCTION
    ]
    assert long == []


def test_the_median_file_and_function_are_short() -> None:
    """Half of the files have at most 150 lines, half of the functions at most 8."""
    files = list(SOURCE.rglob("*.py"))
    assert median(f.read_text(encoding="utf-8").count("\n") for f in files) <= MEDIAN_FILE
    lengths = [size for file in files for _, size in functions(file)]
    assert median(lengths) <= MEDIAN_FUNCTION


@for_each("group", ["portproof.rules", "portproof.sources", "portproof.formats"])
def test_every_entry_point_loads(group: str) -> None:
    """Whatever is registered is there, and registered under its own name."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = declared["project"]["entry-points"][group]
    found = {entry.name: entry for entry in entry_points(group=group)}
    assert set(found) == set(wanted)
    for entry in found.values():
        assert entry.load() is not None
        assert importlib.import_module(entry.module).__name__ == entry.module
