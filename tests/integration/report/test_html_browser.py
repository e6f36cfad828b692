"""The report in a real browser: silent, whole, readable by everyone, at any width, on paper."""

import csv
import io
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pytest

from portproof.content.shipped import shipped
from portproof.report.contract import Theme
from portproof.report.html.page import render
from portproof.result.result import AuditResult
from support.paths import SUPPORT
from support.report.results import HOSTILE, all_pass, hostile, mixed, wide
from support.report.samples import ALIKE, alike, compared, fleet

BROWSER: Final = SUPPORT / "browser"

LEFT_OUT: Final = "; 7 unproven verdicts left out: they name no "

ASKED: Final = {
    "#search=statd&view=evidence": ("2 entries; 1 of 12 hosts", ["nfs-1", "nfs-1"]),
    "#search=deploy+only-web": ("1 entry; 1 of 12 hosts", ["web-3"]),
    "#host=web-": ("3 of 12 hosts, 18 verdicts", ["web-1", "web-2", "web-3"]),
    "#host=nfs-1": ("1 of 12 hosts, 6 verdicts", ["nfs-1"]),
    "#group=lab&view=hosts": ("2 of 12 hosts", ["mac-lab-1", "build-1"]),
    "#rule=web-servers%2Fonly-web&verdict=fail": ("1 entry; 1 of 12 hosts", ["web-3"]),
    "#rule=retired-ports%2Fnpmp-local-610": ("12 of 12 hosts, 12 verdicts", ["web-1"]),
    "#severity=critical&verdict=fail&view=hosts": ("2 of 12 hosts", ["nfs-1", "mac-lab-1"]),
    "#port=609": (
        "3 entries; 2 of 12 hosts, 2 verdicts" + LEFT_OUT + "port",
        ["nfs-1", "nfs-1", "mac-lab-1"],
    ),
    "#port=609&verdict=fail": ("3 entries; 2 of 12 hosts, 2 verdicts", ["nfs-1", "nfs-1"]),
    "#port=609&reason=privilege": (
        "0 entries; 0 of 12 hosts, 0 verdicts; 3 unproven verdicts left out: they name no port",
        [],
    ),
    "#process=statd&view=hosts": (
        "1 of 12 hosts, 1 verdict" + LEFT_OUT + "process",
        ["nfs-1"],
    ),
    "#port=609%2Fudp": ("1 entry; 1 of 12 hosts, 1 verdict" + LEFT_OUT + "port", ["nfs-1"]),
    "#port=443": ("1 entry; 1 of 12 hosts, 1 verdict" + LEFT_OUT + "port", ["web-2"]),
    "#port=443%2Fudp": ("0 entries; 0 of 12 hosts, 0 verdicts" + LEFT_OUT + "port", []),
    "#port=443&view=ports": (
        "1 port and process; 1 of 12 hosts, 1 verdict" + LEFT_OUT + "port",
        ["443/tcp"],
    ),
    "#process=python": ("1 entry; 1 of 12 hosts, 1 verdict" + LEFT_OUT + "process", ["web-3"]),
    "#reason=privilege&view=hosts": ("1 of 12 hosts, 3 verdicts", ["backup-1"]),
    "#verdict=unproven&view=hosts": (
        "2 of 12 hosts, 7 verdicts",
        ["backup-1", "edge-2.example.net"],
    ),
    "#verdict=waived": ("1 entry; 1 of 12 hosts, 1 verdict", ["nfs-1"]),
    "#view=hosts&sort=-host": ("12 of 12 hosts, 72 verdicts", ["win-ad-1", "web-3", "web-2"]),
    "#view=changes&search=still": ("2 changes", ["nfs-1", "web-3"]),
    "#view=ports&sort=port": ("7 ports and processes", ["no port", "443/tcp", "609/tcp"]),
    "#view=groups": ("8 groups", []),
    "#view=matrix&verdict=fail": ("5 of 12 hosts, 5 verdicts", ["web-2", "web-3", "db-2"]),
    "#host=nobody": ("0 of 12 hosts, 0 verdicts", []),
}
"""Addresses of the tables of the ``compared`` sample: what is said, and the first hosts shown."""

PLAN: Final = {
    "compared": ",".join(
        ["quiet,fits,axe,plain,keyboard,print", *(f"ask={each}" for each in ASKED)]
    ),
    "mixed": "quiet,fits,axe,told=old",
    "wrong": "told",
    "damaged": "told",
    "fleet": "quiet,fits,grid=#view=hosts",
    "all_pass": "quiet,fits,axe",
    "wide": "quiet,fits,axe",
    "hostile": "quiet,fits,ask=#view=evidence,ask=#view=hosts",
    "control": "quiet,fits,axe,keyboard",
}


TWINS: Final = [rf"{json.dumps(name)} (in JSON; not the only web-1\x1b)" for name in ALIKE]
"""How hosts are shown whose names are the same once they are made visible."""

LINKED: Final = [f"#{urlencode({'host': name})}" for name in TWINS]

PLAN["alike"] = ",".join(
    ["quiet,fits,axe,links", "ask=#host=web-1", *(f"ask={each}" for each in LINKED)]
)


def by_control() -> AuditResult:
    """Mixed hosts, with rules grouped by the controls of a framework."""
    return replace(mixed(), framework="nist-800-53")


SAMPLES: Final[dict[str, Callable[[], AuditResult]]] = {
    "compared": compared,
    "mixed": by_control,
    "fleet": lambda: fleet(300, 20),
    "all_pass": all_pass,
    "wide": wide,
    "hostile": hostile,
    "alike": alike,
}
BLIND: Final = "violates Content Security Policy (meta tag)"
"""The validator judges a style or script where it starts, before it could know its hash, and takes
the data block for a script. That the hashes are right, and that a data block needs none, is what
the browser says in silence."""

Seen = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the samples as reports, and a page on which every check must find something."""
    folder = tmp_path_factory.mktemp("pages")
    for name, sample in SAMPLES.items():
        with (folder / f"{name}.html").open("w", encoding="utf-8") as file:
            file.writelines(render(sample(), Theme((shipped("reports"),))))
    whole = (folder / "mixed.html").read_text(encoding="utf-8")
    assert 'data-count="5"' in whole
    wrong = whole.replace('data-count="5"', 'data-count="4"')
    (folder / "wrong.html").write_text(wrong, encoding="utf-8")
    damaged = whole.replace('id="data">', 'id="data">AAAA')
    (folder / "damaged.html").write_text(damaged, encoding="utf-8")
    text = "".join(HOSTILE).encode("utf-8", "replace").decode()
    control = f"{text}<details><summary>x</summary></details><p class=wide>{'w' * 900}</p>"
    (folder / "control.html").write_text(f"<main>{control}</main>", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def programs() -> Path:
    """Where the programs that look at pages are installed."""
    if not (BROWSER / "node_modules").is_dir():
        stop = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        stop("missing playwright-core, axe-core and vnu-jar: run npm ci in tests/support/browser")
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


@pytest.mark.needs("chromium", "npm")
@pytest.mark.parametrize("check", ["quiet", "fits"])
@pytest.mark.parametrize("name", list(SAMPLES))
def test_nothing_runs_loads_complains_or_sticks_out(browser: Seen, name: str, check: str) -> None:
    """No console line, request, violation or foreign script; nothing sticks out or breaks."""
    assert browser[f"{name}.html"][check] == []


@pytest.mark.needs("chromium", "npm")
@pytest.mark.parametrize("name", ["compared", "mixed", "all_pass", "wide", "alike"])
def test_axe_finds_nothing(browser: Seen, name: str) -> None:
    """axe-core has no violation to report, in light and in dark, with everything unfolded."""
    assert browser[f"{name}.html"]["axe"] == []


@pytest.mark.needs("chromium", "npm")
@pytest.mark.parametrize("check", ["keyboard", "print"])
def test_report_works_by_keyboard_and_on_paper(browser: Seen, check: str) -> None:
    """Every stop is seen and folds open by key; paper has what it should."""
    assert browser["compared.html"][check] == []


@pytest.mark.needs("chromium", "npm")
def test_a_long_table_is_walked_sorted_and_searched_by_keys(browser: Seen) -> None:
    """The active row stays in sight, few rows are in the page, and a search survives a reload."""
    assert browser["fleet.html"]["grid"] == []


@pytest.mark.needs("chromium", "npm")
@pytest.mark.parametrize("address", ASKED)
def test_an_address_shows_what_it_asks_for(browser: Seen, address: str) -> None:
    """Every filter, view and order has its address, and is copied as it is shown."""
    told, hosts = ASKED[address]
    seen = browser["compared.html"][address]
    assert seen["matches"].startswith(told)
    column = seen["head"].index("host") if "host" in seen["head"] else 0
    assert [row[column] for row in seen["rows"]][: len(hosts)] == hosts
    lines = list(csv.reader(io.StringIO(seen["csv"], newline="")))
    assert [[plainly(cell) for cell in line] for line in lines[1:]] == [
        [plainly(cell) for cell in row] for row in seen["rows"]
    ]


@pytest.mark.needs("chromium", "npm")
def test_nothing_is_said_to_be_left_out_that_is_not(browser: Seen) -> None:
    """Only where a port or a process is asked for, and something unproven cannot name it."""
    complete = [address for address, (told, _) in ASKED.items() if "left out" not in told]
    seen = browser["compared.html"]
    assert [each for each in complete if "left out" in seen[each]["matches"]] == []
    assert "#port=609&verdict=fail" in complete


def plainly(cell: str) -> str:
    """A cell without what only a reader needs."""
    return cell.removeprefix("'").replace(",", "")


@pytest.mark.needs("chromium", "npm")
def test_one_host_is_shown_with_all_its_evidence(browser: Seen) -> None:
    """Who looked, what failed and who is behind it, what is waived by whom, and what passed."""
    detail = browser["compared.html"]["#host=nfs-1"]["detail"]
    for fact in (
        "osqueryd 5.19.0",
        "2 canaries seen",
        "0.0.0.0:609/tcp",
        "[::]:609/udp",
        "rpc.statd (812) ← systemd (1)",
        "nfs-common 1:2.6.2-4+deb12u1 (dpkg), file unchanged",
        "Looks unrelated: it only uses the port",
        "Waived until 2027-01-31, 69 days left, by storage@example.com (OPS-1234)",
        "pass retired-ports/npmp-local-610",
        "the host is not in web",
    ):
        assert fact in detail


@pytest.mark.needs("chromium", "npm")
@pytest.mark.parametrize("number", range(len(ALIKE)))
def test_hosts_that_look_alike_are_told_apart(browser: Seen, number: int) -> None:
    """Each says so in its row, and its link shows it alone with its own evidence."""
    seen = browser["alike.html"][LINKED[number]]
    assert [row[0] for row in seen["rows"]] == [TWINS[number]]
    assert seen["detail"].startswith(TWINS[number])
    assert f"nothing listens on {600 + number}/tcp" in seen["detail"]
    assert f"nothing listens on {601 - number}/tcp" not in seen["detail"]


@pytest.mark.needs("chromium", "npm")
def test_every_host_has_a_link_of_its_own_that_survives_a_reload(browser: Seen) -> None:
    """Following each link of the table of hosts, and loading its address again, shows that host."""
    assert browser["alike.html"]["links"] == [[each, each] for each in [*TWINS, "web-1"]]
    alone = browser["alike.html"]["#host=web-1"]
    assert [row[0] for row in alone["rows"]] == ["web-1"]


@pytest.mark.needs("chromium", "npm")
@pytest.mark.parametrize(
    ("name", "said", "tables"),
    [
        ("wrong", "The tables do not add up to the totals", True),
        ("damaged", "The tables cannot be shown: the data of this file is damaged", False),
        ("mixed", "they need DecompressionStream", False),
    ],
)
def test_tables_that_cannot_be_trusted_or_shown_say_so(
    browser: Seen, name: str, said: str, *, tables: bool
) -> None:
    """A block that disagrees with the totals, a damaged one and an old browser are told plainly."""
    told = browser[f"{name}.html"]["told"]
    assert said in told["text"]
    assert told["tables"] is tables


@pytest.mark.needs("chromium", "npm")
def test_what_hosts_say_is_no_formula_in_the_csv(browser: Seen) -> None:
    """No cell begins with what a spreadsheet takes for a formula, and each is one cell."""
    for address in ("#view=evidence", "#view=hosts"):
        lines = list(csv.reader(io.StringIO(browser["hostile.html"][address]["csv"], newline="")))
        assert len({len(line) for line in lines}) == 1
        cells = [cell for line in lines for cell in line]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
        assert any(cell.startswith("'=cmd") for cell in cells)


@pytest.mark.needs("chromium", "npm")
def test_totals_and_failures_can_be_read_without_javascript(browser: Seen) -> None:
    """Totals, changes, failures, unproven and waivers are there without a script."""
    plain = browser["compared.html"]["plain"]
    result = compared()
    for count in result.totals.verdicts.values():
        assert f"\n{count}\n" in plain["text"]
    for bound, hosts in result.failures() + result.unproven():
        assert bound.key in plain["text"]
        assert all(host.name in plain["text"] for host, _ in hosts)
    for told in (
        "0.0.0.0:609/tcp",
        "69 days left",
        "Lapsed 7 days ago",
        "1 newly failing",
        "These tables need JavaScript",
    ):
        assert told in plain["text"]
    assert "Copy as CSV" not in plain["text"]
    assert plain["unfolds"]


@pytest.mark.needs("chromium", "npm")
@pytest.mark.parametrize("check", ["quiet", "fits", "axe", "keyboard"])
def test_checks_find_what_is_wrong(browser: Seen, check: str) -> None:
    """On a page that does everything wrong each check has something to say."""
    assert browser["control.html"][check] != []


@pytest.mark.needs("chromium", "npm")
def test_attacks_work_where_nothing_stops_them(browser: Seen) -> None:
    """The hostile texts do run as scripts when they are not escaped."""
    found = browser["control.html"]["quiet"]
    assert "canary: a script ran" in found
    assert any(each.startswith("request: ") for each in found)


@pytest.mark.needs("java", "npm")
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
    assert len(blind) == 3 * len(SAMPLES)
