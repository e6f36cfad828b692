"""``portproof init``."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import click

from portproof.content.shipped import shipped_policies
from portproof.errors import UsageError
from portproof.importers.writing import write

_TEMPLATE: Final = Path(__file__).parent.parent / "content" / "repository"
_DOT: Final = "dot-"
"""What the names of hidden files begin with in the package, where nothing shall hide."""
_BASELINE: Final = "baseline-"
_ID: Final = re.compile(rf"^(policy|test): {_BASELINE}", re.MULTILINE)
_TO_COPY: Final = re.compile(r"\A# To copy and edit:.*\n")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option(
    "--baseline",
    "baselines",
    multiple=True,
    help="Copy a baseline into policies/, such as web-server; repeatable.",
)
def command(folder: Path, baselines: tuple[str, ...]) -> None:
    """Make a new compliance repository.

    FOLDER is made if it is missing; without it, the current folder is used. Writes policies with
    their tests, a check, an inventory, waivers, workflows for GitHub and GitLab, a .gitignore and a
    README. If any of the files is there already, they are all named and nothing is written.
    """
    files = dict(_template()) | dict(_copies(baselines))
    write(folder, files)
    for path in files:
        click.echo(folder / path)
    click.echo(f"next: read {folder / 'README.md'}, then portproof lint {folder / 'policies'}")


def _template() -> Iterator[tuple[str, str]]:
    """The path in the new repository and the text of every file."""
    for file in sorted(path for path in _TEMPLATE.rglob("*") if path.is_file()):
        parts = file.relative_to(_TEMPLATE).parts
        path = "/".join(re.sub(f"^{_DOT}", ".", part) for part in parts)
        yield path, file.read_text(encoding="utf-8")


def _copies(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The files of baselines, under ids of the user's own."""
    shipped = shipped_policies()
    known = [name.removeprefix(_BASELINE) for name in shipped if name.startswith(_BASELINE)]
    for given in names:
        name = given.removeprefix(_BASELINE)
        if name not in known:
            raise UsageError(f"there is no baseline {given[:80]!a}; there are {', '.join(known)}")
        file = shipped[_BASELINE + name]
        for each in (file, file.with_suffix(".test.yml")):
            text = _TO_COPY.sub("", each.read_text(encoding="utf-8"))
            yield f"policies/{each.name.removeprefix(_BASELINE)}", _ID.sub(r"\1: ", text)
