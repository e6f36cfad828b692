"""The structure that keeps the code readable: import direction, sizes, entry points."""

import ast
import importlib
import tomllib
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "portproof"
EVERYTHING = sorted(
    file
    for folder in ("src", "tests", "benchmarks", "tools")
    for file in (ROOT / folder).rglob("*.py")
    if "node_modules" not in file.parts
)

LEVELS = (
    {"__init__", "defaults", "errors", "exitcodes"},
    {"controls", "model"},
    {
        "by_hand",
        "collectors",
        "comparing",
        "content",
        "evaluate",
        "gate",
        "inventory",
        "loading",
        "normalise",
        "prove",
        "published",
        "reading",
        "registry",
        "renderers",
        "schemas",
        "store",
        "waive",
    },
    {"judging", "policy_testing"},
    {"engines"},
    {"audit"},
    {"folders"},
    {"cli"},
    {"command"},
    {"__main__"},
)
LEVEL = {part: level for level, parts in enumerate(LEVELS) for part in parts}

LONGEST_FILE = 400
LONGEST_FUNCTION = 60
MEDIAN_FILE = 150
MEDIAN_FUNCTION = 8


def part_of(module: str) -> str:
    """The part of the package a module belongs to."""
    names = module.split(".")
    return names[1] if len(names) > 1 else "__init__"


def imports(file: Path) -> Iterator[str]:
    """The portproof modules a file imports."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("portproof"))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("portproof"):
            module = node.module or ""
            names = [f"{module}.{alias.name}" for alias in node.names]
            yield from names if module in {"portproof", "portproof.engines"} else [module]


def functions(file: Path) -> Iterator[tuple[str, int]]:
    """Every function of a file with its length in lines."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{file.name}:{node.name}", (node.end_lineno or 0) - node.lineno + 1


@pytest.mark.parametrize("file", sorted(SOURCE.rglob("*.py")), ids=lambda f: str(f.name))
def test_imports_point_one_way(file: Path) -> None:
    """A module imports its own part and lower levels, never a sibling or a higher level."""
    own = file.relative_to(SOURCE).with_suffix("").parts[0]
    for module in imports(file):
        other = part_of(module)
        if module == "portproof.__version__":
            continue
        allowed = other == own or LEVEL[other] < LEVEL[own]
        assert allowed, f"{own} imports {module}"


def test_only_collectors_know_osquery_and_only_renderers_know_jinja() -> None:
    """Libraries of one part stay in it."""
    homes = {"osquery": "collectors", "thrift": "collectors", "jinja2": "renderers", "click": "cli"}
    for file in SOURCE.rglob("*.py"):
        own = file.relative_to(SOURCE).with_suffix("").parts[0]
        tree = ast.parse(file.read_text(encoding="utf-8"))
        names = {name.split(".")[0] for node in ast.walk(tree) for name in _imported(node)}
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


@pytest.mark.parametrize("group", ["portproof.rules", "portproof.sources", "portproof.renderers"])
def test_every_entry_point_loads(group: str) -> None:
    """Whatever is registered is there, and registered under its own name."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = declared["project"]["entry-points"][group]
    found = {entry.name: entry for entry in entry_points(group=group)}
    assert set(found) == set(wanted)
    for entry in found.values():
        assert entry.load() is not None
        assert importlib.import_module(entry.module).__name__ == entry.module
