"""The built wheel: exactly the content that is shipped, and it works in an empty environment."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from support.paths import ROOT

CONTENT = ("checks", "policies", "reports")
IGNORED = {"__pycache__", ".ruff_cache", ".mypy_cache"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as pip builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", folder, ROOT], check=True)
    (built,) = folder.glob("portproof-*.whl")
    return built


def files_below(folder: Path) -> set[str]:
    """Every file of a folder that belongs to the repository."""
    return {
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*")
        if file.is_file() and not IGNORED & set(file.parts)
    }


@pytest.mark.parametrize("folder", CONTENT)
def test_the_wheel_holds_exactly_the_content_folders(wheel: Path, folder: str) -> None:
    """No template or policy is left out, and nothing else gets in."""
    prefix = f"portproof/_content/{folder}/"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    found = {name.removeprefix(prefix) for name in names if name.startswith(prefix)}
    assert found == files_below(ROOT / folder)


def test_the_wheel_holds_the_package_and_no_test(wheel: Path) -> None:
    """Every module, the data and the type marker; nothing from tests, tools or benchmarks."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    code = {name for name in names if not name.startswith("portproof/_content/")}
    package = {f"portproof/{name}" for name in files_below(ROOT / "src" / "portproof")}
    assert {name for name in code if ".dist-info/" not in name} == package
    assert "portproof/py.typed" in package


def test_the_wheel_audits_from_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    """``pip install`` of it alone gives a working ``portproof audit``."""
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", wheel], check=True)
    plain = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        [environment / "bin" / "portproof", "audit", "-o", "out"],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=plain,
    )
    assert done.returncode in {0, 1, 3}, done.stderr
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "report.html",
        "audit.json",
        "evidence.jsonl",
        "manifest.json",
        "request.json",
    }
