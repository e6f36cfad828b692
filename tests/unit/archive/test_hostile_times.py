"""A file of a folder that was edited to say a time that is none."""

from collections.abc import Callable
from pathlib import Path

import pytest

from portproof.archive.integrity import read_manifest
from portproof.archive.read import read_evidence, read_request
from portproof.archive.results import read_stored
from portproof.errors import Code, ContentError
from support.folders import job_of, looks_of, reseal, write

READERS: dict[str, Callable[[Path], object]] = {
    "manifest.json": read_manifest,
    "request.json": read_request,
    "evidence.jsonl": lambda folder: list(read_evidence(folder)),
    "audit.json": lambda folder: read_stored(folder, read_manifest(folder)),
}
PLACES = [
    ("manifest.json", "finished", "$.run.finished"),
    ("request.json", "started", "$.started"),
    ("evidence.jsonl", "taken", "$.look.taken"),
    ("audit.json", "started", "$.run.started"),
    ("audit.json", "taken", "$.hosts[0].seen.taken"),
    ("audit.json", "today", "$.basis.today"),
]
NONSENSE = ["", "soon", "2026-02-30T00:00:00Z", "2026-01-01T00:00:00", "99999-01-01T00:00:00Z"]


def says(folder: Path, name: str, key: str, time: str) -> None:
    """Let every such key of a file have another value."""
    file = folder / name
    parts = file.read_text(encoding="utf-8").replace('": "', '":"').split(f'"{key}":')
    told = [part[part.index(",") :] if "," in part else "}" for part in parts[1:]]
    file.write_text(f'"{key}":"{time}"'.join([parts[0], *told]), encoding="utf-8")


@pytest.mark.parametrize("time", NONSENSE)
@pytest.mark.parametrize(("name", "key", "place"), PLACES)
def test_a_time_that_is_none_is_damage(
    name: str, key: str, place: str, time: str, tmp_path: Path
) -> None:
    """Told with the file and the place in it; nothing is judged by it, and nothing is fresh."""
    write(tmp_path / "out", job_of(), looks_of())
    says(tmp_path / "out", name, key, time)
    if name != "manifest.json":
        reseal(tmp_path / "out")
    with pytest.raises(ContentError) as error:
        READERS[name](tmp_path / "out")
    (problem,) = error.value.problems
    assert (problem.file, problem.code) == (str(tmp_path / "out" / name), Code.DAMAGED)
    assert problem.message.endswith(f"at `{place}`")
