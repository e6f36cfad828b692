"""CSV: read back by two parsers, and never a formula to a spreadsheet."""

import csv

from hypothesis import given, settings
from hypothesis import strategies as st

from portproof.model.verdicts import PASSED, Finding, Waived, failed
from portproof.report.formats.csv import COLUMNS
from portproof.report.formats.csv_cells import row
from portproof.result.result import AuditResult, HostResult
from support.for_each import for_each
from support.readers import csv_rows
from support.report.formats import interrupted, nothing_judged, rendered
from support.report.results import hostile, mixed, run, seen

BEGINS = tuple("=+-@\t\r\n\uff0b\uff0d\uff1d\uff20")


def table(name: str, result: AuditResult) -> list[dict[str, str]]:
    """The rows under their headings."""
    head, *rows = csv_rows(rendered(name, result))
    return [dict(zip(head, cells, strict=True)) for cells in rows]


def formulas(text: str) -> list[str]:
    """The cells that begin like a formula, in spreadsheets that part cells at either sign."""
    return [
        cell
        for delimiter in ",;"
        for line in text.split("\r\n")
        for cells in csv.reader([line], delimiter=delimiter)
        for cell in cells
        if cell.lstrip(' "').startswith(BEGINS)
    ]


def test_a_finding_is_a_row_with_everything_about_it() -> None:
    """Host, rule, verdict, and the listener with its process."""
    found = [each for each in table("csv", mixed()) if each["host"] == "nfs-1"]
    assert [each["verdict"] for each in found] == ["fail", "fail", "waived"]
    first = found[0]
    assert list(first) == list(COLUMNS)
    assert (first["rule"], first["severity"]) == ("retired-ports/npmp-trap-609", "critical")
    assert (first["protocol"], first["address"], first["port"]) == ("tcp", "0.0.0.0", "609")
    assert (first["pid"], first["process"], first["user"]) == ("812", "rpc.statd", "statd")


def test_unproven_has_a_row_with_its_reason() -> None:
    """Nobody takes a list without it for all there is."""
    told = [each for each in table("csv", mixed()) if each["verdict"] == "unproven"]
    assert {(each["host"], each["reason"]) for each in told} == {
        ("backup-1", "privilege"),
        ("edge-2.example.net", "unreachable"),
    }
    assert all(each["message"] for each in told)


def test_a_waiver_is_named_also_when_it_has_lapsed() -> None:
    """The verdict tells which of the two it is, the columns whose waiver it was."""
    waived = Waived("storage", "no time", "2026-01-31", -3, "1 for x", ticket="OPS-1")
    judgement = failed(Finding("it listens", waived=waived))
    base = mixed()
    host = HostResult("one", (), (judgement, *[PASSED] * (len(base.rules) - 1)), seen())
    (told,) = table("csv", AuditResult(run(), base.rules, [host]))
    assert told["verdict"] == "fail"
    assert (told["waived_by"], told["ticket"]) == ("storage", "OPS-1")
    assert told["waived_until"] == "2026-01-31"


def test_a_failing_rule_names_which_findings_are_waived() -> None:
    """A failure with a waived_by is one whose waiver has lapsed, and no other."""
    waived = Waived("storage", "no time", "2027-01-31", 60, "1 for x", ticket="OPS-1")
    judgement = failed(Finding("it listens", waived=waived), Finding("another listens"))
    base = mixed()
    host = HostResult("one", (), (judgement, *[PASSED] * (len(base.rules) - 1)), seen())
    told = table("csv", AuditResult(run(), base.rules, [host]))
    found = [(each["message"], each["verdict"], each["waived_by"]) for each in told]
    assert found == [("it listens", "waived", "storage"), ("another listens", "fail", "")]


@for_each("make", [nothing_judged, interrupted])
def test_a_list_of_nothing_says_when_it_means_nothing(make: object) -> None:
    """No finding is no proof where nothing was judged, or not all of it."""
    assert callable(make)
    (told,) = table("csv", make())
    assert (told["host"], told["rule"], told["verdict"]) == ("", "", "")
    assert told["message"].startswith(("Nothing was judged", "The audit was interrupted"))


def test_the_matrix_has_every_verdict_in_its_place() -> None:
    """A row a host, a column a rule, in their order."""
    result = mixed()
    rows = table("csv-matrix", result)
    assert [each["host"] for each in rows] == [host.name for host in result.hosts]
    for told, host in zip(rows, result.hosts, strict=True):
        verdicts = [told[bound.key] for bound in result.rules]
        assert verdicts == [judgement.verdict for judgement in host.judgements]


@for_each("name", ["csv", "csv-matrix"])
def test_lines_end_as_rfc_4180_says(name: str) -> None:
    """With CR and LF, each row on one line, all of the same length."""
    text = rendered(name, hostile())
    lines = text.split("\r\n")
    assert lines[-1] == ""
    assert not any("\n" in line or "\r" in line for line in lines)
    assert len({len(row) for row in csv_rows(text)}) == 1


@for_each("name", ["csv", "csv-matrix"])
def test_no_cell_of_a_hostile_host_is_a_formula(name: str) -> None:
    """Neither in a spreadsheet that parts cells at commas nor in one that does at semicolons."""
    assert formulas(rendered(name, hostile())) == []


@settings(max_examples=300)
@given(st.lists(st.text(alphabet="=+-@;,'\"\t\r\n aZ\uff1d\ud800\x1b", max_size=8), min_size=1))
def test_any_cells_make_one_row_without_a_formula(cells: list[str]) -> None:
    """As many cells as were given, whatever is in them."""
    text = row(cells)
    (read,) = csv_rows(text)
    assert len(read) == len(cells)
    assert formulas(text) == []


@for_each("text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", '"=1', "\uff1d1", "a;=1"])
def test_a_formula_gets_an_apostrophe(text: str) -> None:
    """Where it begins, so that the text can still be read."""
    (read,) = csv_rows(row([text]))
    assert read[0].replace("'", "", 1) == text
    assert read[0].index("'") == (2 if ";" in text else 0)


@for_each("text", ["a=1", "10.0.0.1", "x@example.com", "a, b", "nginx -g x"])
def test_other_text_stays_as_it_is(text: str) -> None:
    """An equals sign inside a text begins no formula."""
    assert csv_rows(row([text])) == [[text]]
