"""The report's structure, its totals, and its defences against what hosts say."""

import itertools
import re
from collections import Counter
from collections.abc import Callable
from functools import cache

from msgspec.structs import replace

from portproof.model.listeners import Owner, Publication
from portproof.model.observation import Reason
from portproof.model.ports import Protocol
from portproof.model.verdicts import PASSED, Judgement, Verdict, failed, unproven
from portproof.policy.policy import Policy, bind
from portproof.policy.rules.base import found
from portproof.report.contract import Theme
from portproof.report.html.page import render
from portproof.result.result import AuditResult, HostResult
from portproof.text.visible import visible
from support.for_each import for_each
from support.report.pages import TEMPLATES, Page, page, sha256, verdicts
from support.report.results import HOSTILE, all_pass, hostile, listener, mixed, run, seen
from support.report.samples import compared

SAMPLES = [all_pass, mixed, compared, hostile]


@for_each("sample", SAMPLES)
def test_totals_are_those_of_the_result(sample: Callable[[], AuditResult]) -> None:
    """The sum in the masthead, the evidence and the data block all say what result.totals says."""
    result = sample()
    parsed = page(result)
    told = {each["data-verdict"]: int(each["data-count"]) for each in parsed.where("data-verdict")}
    cells = Counter(verdict for row in verdicts(parsed.data) for verdict in row)
    evidence = [
        attributes["id"]
        for attributes, _ in parsed.all("li", **{"class": "host"})
        if attributes.get("id", "").startswith("fail-")
    ]
    assert told == result.totals.verdicts
    assert {verdict: cells[verdict] for verdict in told} == result.totals.verdicts
    assert len(evidence) == result.totals.verdicts["fail"]


def test_failures_tell_all_that_is_known() -> None:
    """Host, address, process, user, path, start, parent, exposure, why and fix are there."""
    text = next(text for _, text in page(mixed()).all("section", id="failures"))
    for fact in (
        "nfs-1",
        "storage, prod",
        "0.0.0.0:609/tcp",
        "[::]:609/udp",
        "every address of the host, IPv4 and IPv6",
        "rpc.statd listens on tcp 0.0.0.0:609",
        "rpc.statd",
        "812",
        "statd (104)",
        "/usr/sbin/rpc.statd --no-notify",
        "2026-11-23 01:41:01 UTC",
        "/private/tmp/.x/netinfod (deleted or replaced on disk)",
        "it looks like a client's socket",
        "nothing listens on 443/tcp",
        "2:2.4-2+deb12u1",
        "software not updated since, malware",
        "What to do on Linux",
        "What to do on macOS",
        "RFC 6335, section 8.1.2",
        "CM-7, SC-7",
    ):
        assert fact in text
    assert "What to do on Windows" not in text


def test_most_severe_rule_comes_first() -> None:
    """Failures are in order of severity."""
    found = [text for _, text in page(mixed()).all("span", **{"class": "severity"})]
    assert found[:4] == ["critical", "high", "medium", "low"]


def test_unproven_is_grouped_by_cause_and_says_what_to_do() -> None:
    """One entry tells the reason, the detail, the rules and the advice for all hosts alike."""
    rules = tuple(bind(map(_policy, ("one", "two"))))
    dark = unproven(Reason.TIMEOUT, "no answer in 10 seconds")
    hosts = [HostResult(name, (), (dark, dark), seen()) for name in ("a1", "b2")]
    parsed = page(AuditResult(run(), rules, hosts))
    (entry,) = (text for _, text in parsed.all("li", **{"class": "host"}))
    (section,) = (text for _, text in parsed.all("section", id="unproven"))
    words = entry.split()
    assert words[:2] == ["a1", "b2"]
    assert "no answer in 10 seconds" in entry
    assert "all 2 rules" in entry
    assert "4 verdicts on 2 hosts" in section
    assert "Check the host for high load" in section


def _policy(name: str) -> Policy:
    rules = [{"id": "ssh", "closed": 22}]
    return Policy.model_validate({"policy": name, "title": name, "rules": rules})


def test_sections_come_in_the_order_of_importance() -> None:
    """What changed, failures, unproven, waivers, figures, everything, the run; no level skipped."""
    parsed = page(compared())
    sections = [each["id"] for each, _ in parsed.all("section") if "id" in each]
    levels = [int(tag[1]) for tag, _ in parsed.elements if re.fullmatch(r"h\d", tag)]
    expected = ["changes", "failures", "unproven", "waivers", "bars", "everything", "warnings"]
    assert [each for each in sections if each != "detail"] == [*expected, "run"]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_run_is_identified() -> None:
    """Version, times, controller, digests and how hosts were looked at are there."""
    result = mixed()
    (text,) = (text for _, text in page(result).all("section", id="run"))
    digests = [result.run.inventory, *result.run.policies, *result.run.checks]
    for known in (
        *(part for digest in digests for part in (digest.name, digest.sha256)),
        "0.1.0",
        "2026-11-23 02:00:04 UTC",
        "14 s",
        "audit.example.net",
        "osqueryd 5.19.0",
        "user id 1000",
        "Not seen on 11 hosts: ports that docker publishes without a proxy",
        "not looked at",
        "1 (failed)",
    ):
        assert known in text


@for_each("sample", SAMPLES)
def test_links_lead_somewhere(sample: Callable[[], AuditResult]) -> None:
    """Ids are unique, and every link within the page has its target."""
    parsed = page(sample())
    ids = [each["id"] for each in parsed.where("id")]
    links = {each["href"] for each in parsed.where("href") if each["href"].startswith("#")}
    inside = {link for link in links if "=" not in link}
    named = {each["aria-labelledby"] for each in parsed.where("aria-labelledby")}
    assert len(ids) == len(set(ids))
    assert {f"#{each}" for each in ids} >= inside
    assert set(ids) >= named


def test_policy_lets_in_one_style_and_one_script_by_hash() -> None:
    """The hashes in the policy are those of what is in the page, and nothing else is inline."""
    parsed = page(mixed())
    (policy,) = (
        each["content"] for each, _ in parsed.all("meta") if "content-security" in str(each).lower()
    )
    (style,) = (text for _, text in parsed.all("style"))
    assert policy == (
        f"default-src 'none'; style-src '{sha256(style)}'; script-src '{sha256(parsed.script)}';"
        " base-uri 'none'; form-action 'none'"
    )
    names = {name for _, attributes in parsed.elements for name in attributes}
    assert not [name for name in names if name == "style" or name.startswith("on")]
    assert {"name": "referrer", "content": "no-referrer"} in [
        each for each, _ in parsed.all("meta")
    ]


def test_nothing_is_loaded() -> None:
    """No element that fetches is in the page, and the stylesheet and script name no address."""
    parsed = page(mixed())
    fetching = {"img", "link", "iframe", "object", "embed", "audio", "video", "source", "form"}
    assert not fetching & {tag for tag, _ in parsed.elements}
    assert not parsed.where("src")
    (style,) = (text for _, text in parsed.all("style"))
    unwanted = ("http", "//evil", "@import", "fetch(", "innerHTML", "insertAdjacentHTML", "eval(")
    for text, outside in itertools.product((style, parsed.script), unwanted):
        assert outside not in text
    assert re.findall(r"url\(([^)]*)", style) == [
        '"#hatch"',
        '"#dots"',
        '"#stripes"',
    ]


@cache
def hostile_page() -> Page:
    """Return the page of a hostile audit, rendered once."""
    return page(hostile())


def test_hostile_text_makes_no_element() -> None:
    """Every element and attribute of the hostile report is one that benign reports have, too."""
    parsed = hostile_page()
    benign = [page(all_pass()), page(compared()), page(_interrupted())]
    known = {shape for each in benign for shape in _shapes(each)}
    assert _shapes(parsed) <= known
    assert not parsed.all("img")
    assert parsed.unbalanced == []
    for each, _ in parsed.all("a"):
        href = each["href"]
        assert href.startswith("#") or re.fullmatch(r"https?://[!#-;=?-~]+", href)
        assert href.startswith("#") or each["rel"] == "noreferrer noopener"


def _interrupted() -> AuditResult:
    result = mixed()
    return AuditResult(run(interrupted=True), result.rules, result.hosts)


def _shapes(parsed: Page) -> set[tuple[str, tuple[str, ...], str]]:
    return {
        (
            tag,
            tuple(name for name in attributes if name != "open"),
            re.sub(r"\bs-\w+", "s-", attributes.get("class", "")),
        )
        for tag, attributes in parsed.elements
    }


@for_each("text", HOSTILE)
def test_hostile_text_is_shown_as_it_is(text: str) -> None:
    """Each attack is readable as a host name, with nothing hidden in it."""
    parsed = hostile_page()
    names = [parsed.data["texts"][each] for each in parsed.data["hosts"]["name"]]
    assert names.count(visible(text)) == 1
    assert [told for _, told in parsed.all("p", **{"class": "name"})].count(visible(text)) >= 2
    assert visible(text).isprintable()


def test_hostile_report_is_plain_utf8() -> None:
    """Lone surrogates, control characters and bidi overrides never reach the file."""
    text = "".join(render(hostile(), Theme((TEMPLATES,))))
    hidden = {c for c in text if not c.isprintable()} - {"\n"}
    assert hidden == set()
    assert text.encode("utf-8")


def test_only_plain_web_addresses_become_links() -> None:
    """Other references stay text."""
    refs = [
        "https://example.com/a?b=c&d=e#f",
        "http://example.com",
        "javascript:alert(1)",
        "https://example.com/a b",
        'https://example.com/"x',
        "HTTPS://example.com/%zz",
        "ftp://example.com",
        "//example.com",
        "RFC 1700",
    ]
    rules = [{"id": "r", "closed": 1, "refs": refs}]
    policy = Policy.model_validate({"policy": "p", "title": "t", "rules": rules})
    host = HostResult("h", (), (Judgement(Verdict.FAIL),), seen())
    parsed = page(AuditResult(run(), bind([policy]), [host]))
    links = [each["href"] for each, _ in parsed.all("a", rel="noopener")]
    assert links == refs[:2]
    (told,) = (text for _, text in parsed.all("div", **{"class": "refs"}))
    assert all(ref in told for ref in refs)


def test_roster_that_does_not_add_up_is_said() -> None:
    """The report never claims to be complete when a verdict is missing."""
    rules = tuple(bind(map(_policy, ("one", "two"))))
    result = AuditResult(run(), rules, [HostResult("h", (), (PASSED,), seen())])
    (told,) = (text for _, text in page(result).all("li", **{"class": "total"}))
    assert "of 2: the totals do not add up" in told
    assert verdicts(page(result).data) == [["pass", "unproven"]]


def test_report_is_written_piece_by_piece_and_always_the_same() -> None:
    """The same result gives the same bytes, and not all of them at once."""
    pieces = list(render(mixed(), Theme((TEMPLATES,))))
    assert len(pieces) > 100
    assert "".join(pieces) == "".join(render(mixed(), Theme((TEMPLATES,))))


def test_published_ports_show_their_container() -> None:
    """A port that only docker knows of has a container; with a proxy it has both."""
    owner = Owner(pid=7, name="docker-proxy")
    proxied = replace(
        listener(Protocol.TCP, "0.0.0.0", 609, owner),
        published=(Publication("4f797c539e6c9d1b", 80),),
    )
    alone = replace(proxied, owners=(Owner(),), socket=False)
    rules = tuple(bind([Policy(policy="p", title="t", rules=[{"id": "r", "closed": 609}])]))
    hosts = [
        HostResult(name, (), (failed(found(each)),), seen())
        for name, each in (("proxied", proxied), ("alone", alone))
    ]
    made = page(AuditResult(run(), rules, hosts))
    text = next(text for _, text in made.all("section", id="failures"))
    assert text.count("container 4f797c539e6c (port 80 inside)") == 4
    assert "tcp 0.0.0.0:609 (every address) is published by container" in text
    assert text.count("docker-proxy") == 2
