"""The Markdown summary of a large audit keeps to its limit."""

import re

from portproof.model.verdicts import Finding, failed
from portproof.report.formats.markdown import LIMIT
from portproof.result.result import AuditResult, HostResult
from support.report.formats import fleet, rendered
from support.report.results import mixed, run, seen


def test_a_large_audit_fits_and_says_what_is_left_out() -> None:
    """The totals stay whole; what is shown and what is left out add up to them."""
    result = fleet(30_000)
    told = rendered("markdown", result)
    assert LIMIT // 2 < len(told.encode()) < LIMIT
    counts = result.totals.verdicts
    assert f"| fail | {counts['fail']:,} |" in told
    (left,) = re.findall(r"\*\*Left out, for GitHub takes no more: (.*)\.\*\* report\.html", told)
    missing = {
        name: int(count.replace(",", "")) for count, name in re.findall(r"(\d[\d,]*) (\w+)", left)
    }
    shown = told.count("\n  - `") - told.count("rpc.statd listens on udp")
    assert shown + sum(missing.values()) == sum(
        counts[name] for name in ("fail", "unproven", "waived")
    )
    assert missing["unproven"] == counts["unproven"]


def test_one_host_cannot_fill_the_summary() -> None:
    """Of thousands of findings some are shown, and the number of the others."""
    base = mixed()
    judgement = failed(*(Finding(f"row {number} " + "x" * 2000) for number in range(3000)))
    hosts = [HostResult("noisy", (), (judgement,) * len(base.rules), seen()), *base.hosts]
    told = rendered("markdown", AuditResult(run(), base.rules, hosts))
    assert len(told.encode()) < LIMIT
    assert "  - `noisy`: and 2,980 more findings" in told
    assert "`nfs-1`: `rpc.statd" in told
