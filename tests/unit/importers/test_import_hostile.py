"""Files of others are imported: nothing in them hangs, fills the memory, or hides."""

import os
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from portproof.cli import cli
from portproof.errors import ContentError
from portproof.exitcodes import ExitCode
from portproof.importers.drafting import draft
from portproof.importers.fleet import read_fleet
from portproof.importers.pack import read_pack
from portproof.importers.rendering import files

BOMB = ["a: &a [1, 2, 3, 4, 5, 6, 7, 8, 9]\n"] + [
    f"{after}: &{after} [{f'*{name}, ' * 9}]\n" for name, after in pairwise("abcdefg")
]


def problems_of(file: Path) -> str:
    """What is wrong with a Fleet file."""
    with pytest.raises(ContentError) as raised:
        read_fleet(file)
    return str(raised.value)


def imported(kind: str, file: Path, output: Path) -> Result:
    """Import a file by the command."""
    command = ["import", kind, str(file), "-o", str(output)]
    return CliRunner().invoke(cli, command, standalone_mode=False)


@pytest.mark.parametrize("kind", ["fleet", "pack"])
@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_not_opened(kind: str, make: object, tmp_path: Path) -> None:
    """A named pipe or a device would never end."""
    assert callable(make)
    make(tmp_path / "x.yml")
    done = imported(kind, tmp_path / "x.yml", tmp_path / "out")
    assert done.return_value == ExitCode.ERROR
    assert "x.yml: is not a regular file" in done.stderr
    assert not (tmp_path / "out").exists()


def test_an_included_device_is_not_opened(tmp_path: Path) -> None:
    """A name that ends in .yml makes no YAML file of a device."""
    (tmp_path / "zero.yml").symlink_to("/dev/zero")
    (tmp_path / "x.yml").write_text("policies: [{path: zero.yml}]")
    assert "includes zero.yml, which is not a regular file" in problems_of(tmp_path / "x.yml")


def test_a_link_to_itself_is_a_problem(tmp_path: Path) -> None:
    """So is a link in a circle."""
    (tmp_path / "a.yml").symlink_to("a.yml")
    assert "cannot be read" in problems_of(tmp_path / "a.yml")


def test_a_file_that_includes_itself_by_another_name_is_refused(tmp_path: Path) -> None:
    """Links do not hide a circle."""
    (tmp_path / "x.yml").write_text("policies: [{path: y.yml}]")
    (tmp_path / "y.yml").symlink_to("x.yml")
    assert "it includes itself" in problems_of(tmp_path / "x.yml")


def test_files_within_files_end(tmp_path: Path) -> None:
    """A chain of includes is followed so far and no farther."""
    (tmp_path / "x.yml").write_text("policies: [{path: 0.yml}]")
    for number in range(12):
        (tmp_path / f"{number}.yml").write_text(f"- path: {number + 1}.yml")
    assert "more than 10 files deep" in problems_of(tmp_path / "x.yml")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("policies: " + "[" * 1000, "is nested too deeply"),
        ("policies: &a [*a]", "has an alias that contains itself"),
        ("".join(BOMB), "expands to too many values"),
        ("--- 5\n" * 6000, "too much for one import"),
        ("# " + "x" * (5 << 20), "is larger than 4 MiB"),
        ("policies: !!python/name:os.system []", "has the tag"),
        ("policies: [{name: 'a\x00b'}]", "is not YAML"),
    ],
    ids=["deep", "circle", "bomb", "documents", "large", "tag", "null"],
)
def test_yaml_that_is_an_attack_is_a_problem(text: str, problem: str, tmp_path: Path) -> None:
    """It ends soon, and as a problem."""
    (tmp_path / "x.yml").write_text(text)
    assert problem in problems_of(tmp_path / "x.yml")


def test_text_that_aliases_multiply_is_refused(tmp_path: Path) -> None:
    """A small file does not become thousands of large ones."""
    policy = "  - {name: *t, query: SELECT 1 FROM uptime, description: *t}\n"
    text = f"x: &t {'y' * 100_000}\npolicies:\n{policy * 1000}"
    (tmp_path / "x.yml").write_text(text)
    assert "expands to more than 4 MiB of text" in problems_of(tmp_path / "x.yml")


def test_a_text_beyond_reason_is_told(tmp_path: Path) -> None:
    """A query of a megabyte is none."""
    (tmp_path / "x.yml").write_text(f"policies: [{{name: a, query: SELECT {'1' * (1 << 20)}}}]")
    found = read_fleet(tmp_path / "x.yml")
    assert [each.message for each in found.told] == [
        "is too long; it is not imported",
        "has no query; left out",
    ]


def test_sql_that_would_keep_sqlite_busy_is_left_out(tmp_path: Path) -> None:
    """Parts that double the one before them are not given to SQLite."""
    twice = "t{1} AS (SELECT * FROM t{0}, t{0})"
    parts = ["WITH t0 AS (SELECT 1 FROM uptime)", *(twice.format(n, n + 1) for n in range(60))]
    sql = " ".join([", ".join(parts), "SELECT 1 FROM t60"])
    (tmp_path / "x.conf").write_text(f'{{"queries": {{"a": {{"query": "{sql}"}}}}}}')
    made = draft(read_pack(tmp_path / "x.conf"), ())
    assert made.checks == []
    assert "expand too often" in made.told[0].message


def test_names_from_files_do_not_reach_the_terminal_or_a_comment(tmp_path: Path) -> None:
    """Control characters are written out, and a comment ends where it should."""
    source = tmp_path / "a\n\x1b[31m\udcff.yml"
    text = 'policies: [{name: "\\e[2J", query: "-"}, {name: b, query: SELECT 1 FROM a, "\\e]": 1}]'
    source.write_text(text)
    done = imported("fleet", source, tmp_path / "out")
    assert done.return_value == ExitCode.PROVEN
    assert "\x1b" not in done.output
    check = (tmp_path / "out" / "checks" / "b.yml").read_text(encoding="utf-8")
    assert check.splitlines()[0] == r"# Imported from a\n\x1b[31m\udcff.yml."


def test_a_file_of_secrets_is_not_shown(tmp_path: Path) -> None:
    """What an include was never meant to read does not end in a log."""
    (tmp_path / "secret.yml").write_text("password hunter2")
    (tmp_path / "x.yml").write_text("policies: [{path: secret.yml}, {name: a, query: [hunter2]}]")
    done = imported("fleet", tmp_path / "x.yml", tmp_path / "out")
    assert "must be a list, not text" in done.stderr
    assert "hunter2" not in done.output


def test_five_hundred_policies_are_an_ordinary_import(tmp_path: Path) -> None:
    """As many as the largest known file has; each gets its own id."""
    policy = "kind: policy\nspec: {name: The same, query: SELECT 1 FROM uptime}\n"
    (tmp_path / "x.yml").write_text("---\n".join([policy] * 500))
    made = draft(read_fleet(tmp_path / "x.yml"), ())
    written = files(made, "x.yml", "x")
    assert len(written) == 501
    assert "checks/the-same-500.yml" in written
