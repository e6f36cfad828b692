"""The report in a real browser: silent, whole, readable by everyone, at any width, on paper."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from results import HOSTILE, all_pass, hostile, mixed, wide

from portproof.content import shipped
from portproof.model.result import AuditResult
from portproof.renderers.contract import Theme
from portproof.renderers.html import render
from requirements import needs

BROWSER: Final = Path(__file__).parent.parent / "browser"
pytestmark = pytest.mark.xdist_group("browser")

PLAN: Final = {
    "mixed": "quiet,fits,axe,plain,keyboard,filter,print",
    "all_pass": "quiet,fits,axe",
    "wide": "quiet,fits,axe",
    "hostile": "quiet,fits",
    "control": "quiet,fits,axe,keyboard",
}
SAMPLES: Final[dict[str, Callable[[], AuditResult]]] = {
    "mixed": mixed,
    "all_pass": all_pass,
    "wide": wide,
    "hostile": hostile,
}
BLIND: Final = "violates Content Security Policy (meta tag)"
"""The validator judges a style or script where it starts, before it could know its hash. That the
hashes are right is what the browser says by applying both in silence."""

Seen = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the samples as reports, and a page on which every check must find something."""
    folder = tmp_path_factory.mktemp("pages")
    for name, sample in SAMPLES.items():
        with (folder / f"{name}.html").open("w", encoding="utf-8") as file:
            file.writelines(render(sample(), Theme((shipped("reports"),))))
    text = "".join(HOSTILE).encode("utf-8", "replace").decode()
    control = f"{text}<details><summary>x</summary></details><p class=wide>{'w' * 900}</p>"
    (folder / "control.html").write_text(f"<main>{control}</main>", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def programs() -> Path:
    """Where the programs that look at pages are installed."""
    if not (BROWSER / "node_modules").is_dir():
        stop = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        stop("missing playwright-core, axe-core and vnu-jar: run npm ci in tests/browser")
    return BROWSER


@pytest.fixture(scope="module")
def browser(pages: Path, programs: Path) -> Seen:
    """What one run of Chromium saw on all pages."""
    wanted = [part for name, checks in PLAN.items() for part in (f"{name}.html", checks)]
    run = ["node", str(programs / "run.mjs"), *wanted]
    done = subprocess.run(run, cwd=pages, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen: Seen = json.loads(done.stdout)
    return seen


@needs("chromium", "npm")
@pytest.mark.parametrize("check", ["quiet", "fits"])
@pytest.mark.parametrize("name", SAMPLES)
def test_nothing_runs_loads_complains_or_sticks_out(browser: Seen, name: str, check: str) -> None:
    """No console line, request, violation, dialog or foreign script; nothing overflows."""
    assert browser[f"{name}.html"][check] == []


@needs("chromium", "npm")
@pytest.mark.parametrize("name", ["mixed", "all_pass", "wide"])
def test_axe_finds_nothing(browser: Seen, name: str) -> None:
    """axe-core has no violation to report, in light and in dark, with everything unfolded."""
    assert browser[f"{name}.html"]["axe"] == []


@needs("chromium", "npm")
@pytest.mark.parametrize("check", ["keyboard", "filter", "print"])
def test_report_works_by_keyboard_by_filter_and_on_paper(browser: Seen, check: str) -> None:
    """Every stop is seen and folds open by key; the filter filters; paper has what it should."""
    assert browser["mixed.html"][check] == []


@needs("chromium", "npm")
def test_everything_can_be_read_without_javascript(browser: Seen) -> None:
    """Totals, failures and the unproven are visible without a script, and folds still unfold."""
    plain = browser["mixed.html"]["plain"]
    result = mixed()
    for count in result.totals.verdicts.values():
        assert f"\n{count}\n" in plain["text"]
    for bound, hosts in result.failures() + result.unproven():
        assert bound.key in plain["text"]
        assert all(host.name in plain["text"] for host, _ in hosts)
    assert "0.0.0.0:609/tcp" in plain["text"]
    assert "Unfold all" not in plain["text"]
    assert plain["closed"] == result.totals.rules
    assert plain["unfolds"]


@needs("chromium", "npm")
@pytest.mark.parametrize("check", ["quiet", "fits", "axe", "keyboard"])
def test_checks_find_what_is_wrong(browser: Seen, check: str) -> None:
    """On a page that does everything wrong each check has something to say."""
    assert browser["control.html"][check] != []


@needs("chromium", "npm")
def test_attacks_work_where_nothing_stops_them(browser: Seen) -> None:
    """The hostile texts do run as scripts when they are not escaped."""
    found = browser["control.html"]["quiet"]
    assert "canary: a script ran" in found
    assert any(each.startswith("request: ") for each in found)


@needs("java", "npm")
def test_validator_finds_nothing(pages: Path, programs: Path) -> None:
    """The W3C's checker has neither an error nor a warning for any of the reports."""
    java = shutil.which("java") or "java"
    files = [str(pages / f"{name}.html") for name in SAMPLES]
    jar = programs / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"
    quick = ("-Xss4m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
    run = [java, *quick, "-jar", str(jar), "--stdout", "--format", "json", *files]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    messages = json.loads(done.stdout)["messages"]
    blind = [each for each in messages if BLIND in each["message"]]
    assert [each for each in messages if each not in blind] == []
    assert len(blind) == 2 * len(SAMPLES)
