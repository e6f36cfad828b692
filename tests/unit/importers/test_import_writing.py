"""An import writes all of its files or none, and never over one that is there."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from portproof.cli import cli
from portproof.cli.importing import command as import_group
from portproof.errors import OutputError
from portproof.exitcodes import ExitCode
from portproof.importers.naming import Names
from portproof.importers.writing import write
from support.for_each import for_each

FLEET = """\
policies:
  - {name: First, query: SELECT 1 FROM uptime}
  - {name: Second, query: SELECT 1 FROM uptime}
"""
FILES = {"checks/a.yml": "a", "checks/b.yml": "b", "policies/p.yml": "p"}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A Fleet file outside the repository it is imported into."""
    file = tmp_path / "source.yml"
    file.write_text(FLEET)
    return file


def imported(source: Path, *options: str) -> Result:
    """Import a file by the command, with its errors as exceptions."""
    command = ["import", "fleet", str(source), *options]
    return CliRunner().invoke(cli, command, standalone_mode=False)


def everything_in(folder: Path) -> list[str]:
    """Every file and folder below a folder."""
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*"))


def test_the_current_folder_is_the_default(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an option the files go to the folder one stands in."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert imported(source).return_value == ExitCode.PROVEN
    assert everything_in(Path()) == [
        *("checks", "checks/first.yml", "checks/second.yml"),
        *("policies", "policies/source.yml"),
    ]


def test_one_file_that_is_there_stops_all(source: Path, tmp_path: Path) -> None:
    """The error lists it, it stays as it is, and no other file is written."""
    theirs = tmp_path / "out" / "checks" / "second.yml"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("theirs")
    done = imported(source, "-o", str(tmp_path / "out"))
    assert isinstance(done.exception, OutputError)
    assert str(done.exception).splitlines()[1:] == [f"  {theirs}"]
    assert everything_in(tmp_path / "out") == ["checks", "checks/second.yml"]
    assert theirs.read_text() == "theirs"


def test_a_link_to_nowhere_is_there_too(tmp_path: Path) -> None:
    """Nothing is written through a link that waits for it."""
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "a.yml").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match=r"exist already:\n.*checks/a\.yml"):
        write(tmp_path, FILES)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("folder", "text"),
    [
        ("checks", "{check: first, title: t, sql: SELECT 1}"),
        ("policies", "{policy: source, title: t, rules: [{id: a, closed: 609}]}"),
    ],
)
def test_an_id_that_is_there_under_another_name_stops_all(
    folder: str, text: str, source: Path, tmp_path: Path
) -> None:
    """Two files with one id would not lint."""
    theirs = tmp_path / "out" / folder / "theirs.yml"
    theirs.parent.mkdir(parents=True)
    theirs.write_text(text)
    done = imported(source, "-o", str(tmp_path / "out"))
    assert isinstance(done.exception, OutputError)
    assert str(theirs) in str(done.exception)
    assert everything_in(tmp_path / "out") == [folder, f"{folder}/theirs.yml"]


def test_what_cannot_be_finished_is_taken_back(tmp_path: Path) -> None:
    """A folder that is a file stops the import after it began; nothing of it stays."""
    (tmp_path / "policies").write_text("a file")
    with pytest.raises(OutputError, match="cannot write"):
        write(tmp_path, FILES)
    assert everything_in(tmp_path) == ["policies"]


def test_a_file_that_appears_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    """Here it is the import's own, by another name of its path."""
    with pytest.raises(OutputError, match="cannot write"):
        write(tmp_path, FILES | {"checks/../checks/a.yml": "again"})
    assert everything_in(tmp_path) == []


def test_new_folders_are_taken_back_too(tmp_path: Path) -> None:
    """Text that cannot be encoded fails in the middle of a file."""
    with pytest.raises(UnicodeEncodeError):
        write(tmp_path / "new" / "repository", FILES | {"policies/q.yml": "\ud800"})
    assert everything_in(tmp_path) == []


def test_a_second_import_changes_nothing(source: Path, tmp_path: Path) -> None:
    """It names every file that is there."""
    imported(source, "-o", str(tmp_path / "out"))
    done = imported(source, "-o", str(tmp_path / "out"))
    assert str(done.exception).count(".yml") == 3


def test_the_same_file_gives_the_same_bytes(source: Path, tmp_path: Path) -> None:
    """Nothing of the time, the folder or the order of a set is in the output."""
    outputs = []
    for name in ("one", "two"):
        imported(source, "-o", str(tmp_path / name))
        files = (each for each in sorted((tmp_path / name).rglob("*")) if each.is_file())
        outputs.append([each.read_bytes() for each in files])
    assert outputs[0] == outputs[1]
    assert len(outputs[0]) == 3


def test_ids_are_given_once() -> None:
    """A number that is taken is passed over, and a long id is cut to make room for it."""
    names = Names(["a", "a-3"])
    assert [names.give(name, "b") for name in ("A-2", "a", "A", "", "!")] == [
        *("a-2", "a-4", "a-5", "b", "b-2")
    ]
    long = "x" * 100
    assert [len(names.give(long, "b")) for _ in range(3)] == [80, 80, 80]


@for_each("name", ["fleet", "pack"])
def test_every_subcommand_and_option_is_explained(name: str) -> None:
    """Each has a text, and its options too."""
    command = import_group.get_command(click.Context(import_group), name)
    assert command is not None
    assert command.help
    assert all(each.help for each in command.params if isinstance(each, click.Option))


def test_a_pack_becomes_checks_a_rule_can_use(tmp_path: Path) -> None:
    """What was imported from a pack lints together with a policy of one's own."""
    (tmp_path / "p.conf").write_text(
        '{"queries": {"users": {"query": "SELECT * \\\n FROM users;"}}}'
    )
    out = tmp_path / "out"
    CliRunner().invoke(cli, ["import", "pack", str(tmp_path / "p.conf"), "-o", str(out)])
    (out / "policies").mkdir()
    rule = "{id: r, check: p-users, expect: some rows}"
    (out / "policies" / "p.yml").write_text(f"{{policy: p, title: t, rules: [{rule}]}}")
    done = CliRunner().invoke(cli, ["lint", str(out / "policies")], standalone_mode=False)
    assert done.output.startswith("no error; policies: 1, rules: 1, checks: ")
