"""What runs on hosts: that it runs everywhere, that it is what is shown, and how it is sent."""

import ast
import hashlib
import json
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from portproof.agent import frame
from portproof.sources import agent
from support.boot import answer
from support.calling import portproof
from support.for_each import for_each

OLDEST = (3, 6)
HELD = {name: text for name, text in agent.modules().items() if name != "loader"}


def imports(text: str) -> set[str]:
    """Return the modules that a source imports; those of its own package begin with a dot."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or ""))
    return found


@for_each("name", sorted(agent.modules()))
def test_a_module_needs_an_old_python_and_its_neighbours_alone(name: str) -> None:
    """It parses with the grammar of Python 3.6 and imports the standard library."""
    text = agent.modules()[name]
    ast.parse(text, feature_version=OLDEST)
    outside = {module.partition(".")[0] for module in imports(text) if module[:1] != "."}
    assert outside <= sys.stdlib_module_names
    inside = {module.lstrip(".") for module in imports(text) if module[:1] == "."}
    assert inside <= {"", *HELD}


def test_the_source_holds_each_module_as_it_is() -> None:
    """Whoever reads it reads what is in the repository, and nothing is kept from view."""
    begin, _, _ = agent.source().partition("start(SOURCES)\n")
    found: dict[str, dict[str, str]] = {}
    exec(begin, found)  # noqa: S102 - what is run on hosts
    assert found["SOURCES"] == HELD
    assert agent.source().startswith(agent.modules()["loader"])
    assert agent.source().isascii()


def test_the_folder_holds_nothing_that_is_not_sent() -> None:
    """All of its modules are in the source; beside them there is what an operator reads."""
    names = {path.name for path in Path(str(files("portproof.agent"))).iterdir()}
    modules = {f"{name}.py" for name in agent.modules()}
    assert names - modules - {"__pycache__"} == {"README.md"}


def test_its_hash_is_that_of_what_is_shown() -> None:
    """As ``sha256sum`` would tell it."""
    shown = portproof("agent").out
    told = portproof("agent", "--sha256")
    assert (told.code, told.err) == (0, "")
    assert told.out == hashlib.sha256(shown.encode()).hexdigest() + "\n"


def test_the_command_line_of_a_host_can_be_seen() -> None:
    """What differs in each look is named."""
    told = portproof("agent", "--line")
    assert told.out.startswith("exec /bin/sh -c ")
    assert " READY-MARK " in told.out.replace("'", " ")
    assert agent.BOOT in told.out
    assert told.out.count("\n") == 1


VALUE = {"a": [[1, None, 'x"\\\n\x1b\u20ac\U0001f600', -5]], "b": {}, "c": True, "d": 1.5}


@pytest.mark.parametrize("lacking", [False, True])
def test_json_is_the_same_with_and_without_the_c_code(
    monkeypatch: pytest.MonkeyPatch, *, lacking: bool
) -> None:
    """Other Pythons may lack it, or change it."""
    if lacking:
        monkeypatch.setitem(sys.modules, "_json", None)
    document = frame.encode(VALUE)
    assert json.loads(document) == frame.decode(document) == VALUE
    assert document.isascii()


def test_an_error_in_a_request_ends_without_an_answer() -> None:
    """What is not understood is not answered, so it is unproven."""
    with pytest.raises(AssertionError):
        answer({"do": "look"}, "SEAL")
