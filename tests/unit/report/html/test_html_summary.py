"""What changed, the trend, waivers and the bars: told in words beside every drawing."""

import itertools

from msgspec.structs import replace

from portproof.model.base import Severity
from portproof.model.verdicts import Verdict
from portproof.result.changes import Change, ChangeKind, Changes, EarlierAudit
from portproof.result.result import AuditResult
from support.report.pages import Page, page
from support.report.results import all_pass, mixed
from support.report.samples import compared, fleet
from support.times import at


def section(parsed: Page, name: str) -> str:
    """The text of a section, its spaces made one."""
    (text,) = (text for _, text in parsed.all("section", id=name))
    return " ".join(text.split())


def test_what_changed_is_above_the_fold_and_told_in_full() -> None:
    """The masthead counts each kind of change; the section tells each, and since when."""
    parsed = page(compared())
    (line,) = (text for _, text in parsed.all("p", **{"class": "since"}))
    told = section(parsed, "changes")
    assert "Since 2026-11-22 02:00:19 UTC" in line
    for part in ("1 newly failing", "1 newly unproven", "2 still failing", "1 fixed"):
        assert part in " ".join(line.split())
        assert part in told
    assert "critical nfs-1 retired-ports/npmp-trap-609 nfs-1 still fails" in told
    assert "npmp-trap-609 since 2026-11-19" in told
    assert "audits/20261122T020004Z" in told


def test_without_an_earlier_audit_that_is_said() -> None:
    """No section and no trend are made of nothing."""
    parsed = page(mixed())
    (line,) = (text for _, text in parsed.all("p", **{"class": "since"}))
    assert line == "There is no earlier audit to compare with."
    assert not parsed.all("section", id="changes")


def test_an_audit_in_which_nothing_changed_says_so() -> None:
    """No change is said, not shown as an empty list."""
    before = EarlierAudit(at("2026-11-22T02:00:19Z"), "audits/before", 1, {"pass": 3})
    parsed = page(all_pass().compared(Changes(before, ())))
    assert "Nothing changed." in section(parsed, "changes")
    assert "nothing changed" in parsed.all("p", **{"class": "since"})[0][1]


def test_changes_beyond_the_room_are_counted() -> None:
    """Only the first changes of a kind are written out."""
    changes = compared().changes
    assert changes
    many = tuple(Change(ChangeKind.FIXED, f"host-{at} is fixed") for at in range(1000))
    parsed = page(mixed().compared(replace(changes, items=many)))
    assert "and 975 changes more of this kind" in section(parsed, "changes")
    assert len(parsed.data["changes"]["what"]) == 1000


def _fails(*hosts: str, kind: ChangeKind = ChangeKind.STILL_FAILING) -> tuple[Change, ...]:
    what, rule = "rpc.statd listens on tcp 0.0.0.0:609", "retired-ports/npmp-trap-609"
    return tuple(
        Change(kind, what, host=each, rule=rule, severity=Severity.CRITICAL) for each in hosts
    )


def test_a_change_names_its_host_and_its_rule_and_leads_to_the_failure() -> None:
    """The text of a change says neither, so both are printed, with links inside the page."""
    changes = compared().changes
    assert changes
    parsed = page(mixed().compared(replace(changes, items=_fails("nfs-1"))))
    told, links = section(parsed, "changes"), dict(_links(parsed))
    assert "critical nfs-1 retired-ports/npmp-trap-609 rpc.statd listens" in told
    ids = {each["id"] for _, each in parsed.elements if "id" in each}
    for name in ("nfs-1", "retired-ports/npmp-trap-609"):
        assert links[name].startswith("#fail-")
        assert links[name].removeprefix("#") in ids


def _links(parsed: Page) -> list[tuple[str, str]]:
    return [(text, each["href"]) for each, text in parsed.all("a") if "class" not in each][::-1]


def test_the_same_change_on_many_hosts_is_told_once() -> None:
    """The first hosts are named and the others counted; none is counted as left out."""
    changes = compared().changes
    assert changes
    items = _fails(*(f"gone-{at}" for at in range(40)))
    told = section(page(mixed().compared(replace(changes, items=items))), "changes")
    assert told.count("rpc.statd listens") == 1
    assert "gone-24 and 15 hosts more" in told
    assert "gone-25" not in told
    assert "40 still failing" in told
    assert "of this kind" not in told


def test_a_host_that_is_gone_is_told_apart_from_one_that_looks_like_it() -> None:
    """Its name is written like another host's once that is made visible."""
    changes, result = compared().changes, mixed()
    assert changes
    hosts = [replace(result.hosts[0], name="web\x1b"), *result.hosts[1:]]
    items = _fails("web\x1b", "web\\x1b")
    told = page(
        AuditResult(result.run, result.rules, hosts).compared(replace(changes, items=items))
    )
    names = [told.data["texts"][each] for each in told.data["changes"]["host"]]
    assert len(set(names)) == 2
    assert all(name in section(told, "changes") for name in names)


def test_the_trend_says_its_numbers() -> None:
    """Every audit has a column, and a row with its hosts and counts; this one is last."""
    parsed = page(compared())
    told = section(parsed, "changes")
    assert "this audit" in told
    assert told.index("2026-11-19 02:00:19 UTC audits/20261119") < told.index("this audit")
    (drawing,) = (
        each["aria-label"]
        for each, _ in parsed.all("svg", role="img")
        if "audits" in each["aria-label"]
    )
    assert drawing == "Failing verdicts in 5 audits, oldest first: 3, 4, 4, 4, 5"


def test_waivers_tell_who_for_how_long_and_the_urgent_first() -> None:
    """Owner, ticket, reason, last day and days left stand with each, those that lapsed first."""
    told = section(page(compared()), "waivers")
    for part in (
        "69 days left",
        "storage@example.com",
        "OPS-1234",
        "2027-01-31",
        "until the filer is replaced",
        "nfs-1",
        "rpc.mountd listens on tcp 0.0.0.0:611",
        "policies/retired-ports.yml:61",
        "Lapsed 7 days ago",
    ):
        assert part in told
    assert told.index("Lapsed 7 days ago") < told.index("69 days left")


def test_waived_without_its_waiver_still_says_what_is_known() -> None:
    """A verdict that is waived is never left out of the section."""
    told = section(page(mixed()), "waivers")
    assert "No waiver is known" in told
    assert "OPS-1234, until 2027-01-31" in told


def test_bars_say_their_numbers_and_the_worst_come_first() -> None:
    """Each rule and group has its counts in words; what has no bar is counted."""
    parsed = page(compared())
    told = section(parsed, "bars")
    assert told.index("retired-ports/npmp-trap-609") < told.index("retired-ports/npmp-local-610")
    assert "8 pass, 2 fail, 2 unproven" in told
    assert "2 hosts, 1 failing" in told
    result = fleet(3, 130, 0)
    assert "30 rules more in the tables below" in section(page(result), "bars")


def test_bars_add_up_to_the_totals() -> None:
    """The counts of all rules together are those of the result."""
    result = compared()
    parsed = page(result)
    bars = [text for _, text in parsed.all("span", **{"class": "plainly"})]
    words = " ".join(bars[: len(result.rules)]).replace(",", "").split()
    for verdict in (Verdict.FAIL, Verdict.UNPROVEN):
        pairs = itertools.pairwise(words)
        counts = [int(before) for before, word in pairs if word == verdict.value]
        assert sum(counts) == result.totals.verdicts[verdict]
