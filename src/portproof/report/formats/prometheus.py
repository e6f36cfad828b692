r"""``portproof.prom``: figures for node_exporter's textfile collector.

Source: Prometheus' "Exposition formats", text format 0.0.4: HELP and TYPE before the samples of a
name, ``\\``, ``\"`` and ``\n`` in a label's value, a line feed at the end.

There is no series of a host: a fleet would make as many as it has hosts, and who fails is in the
report. The number of series depends on the rules alone. Every series names the inventory, so that
the files of two inventories can lie side by side.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from portproof.model.verdicts import Verdict
from portproof.report.contract import Theme
from portproof.report.words.findings import counts_by_rule
from portproof.result.result import AuditResult
from portproof.text.safe import NAME, clean

FILE: Final = "portproof.prom"

Sample = tuple[dict[str, str], float]


def render(result: AuditResult, theme: Theme) -> Iterator[str]:  # noqa: ARG001 - every format has this signature
    """Write each metric with its help, its type and its samples."""
    inventory = {"inventory": clean(result.run.inventory.name, NAME)}
    for name, text, samples in _metrics(result):
        own = ((inventory | labels, value) for labels, value in samples)
        yield from _metric(f"portproof_{name}", text, own)


def _metrics(result: AuditResult) -> Iterator[tuple[str, str, Iterable[Sample]]]:
    run, totals = result.run, result.totals
    yield "info", "The version that made the audit.", [({"version": clean(run.version, NAME)}, 1)]
    code = int(result.exit_code)
    text = "0 all proven, 1 something failed, 2 nothing was judged, 3 incomplete."
    yield "audit_exit_code", text, _one(code)
    yield "audit_interrupted", "1 if the audit was stopped before its end.", _one(run.interrupted)
    yield from _times(run.started, run.finished)
    yield "rules", "Rules of the audit.", _one(totals.rules)
    yield "rules_failing", "Rules that fail on any host.", _one(totals.rules_failing)
    yield "hosts", "Hosts of the roster.", _one(totals.hosts)
    yield (
        "hosts_proven",
        "Hosts that were judged and on which nothing fails or is unproven.",
        _one(totals.hosts_proven),
    )
    yield "hosts_failing", "Hosts on which any rule fails.", _one(totals.hosts_failing)
    text = "Hosts on which any rule is unproven; they may fail too."
    yield "hosts_unproven", text, _one(totals.hosts_unproven)
    text = "Hosts for which no rule is applicable."
    yield "hosts_not_judged", text, _one(totals.hosts_not_judged)
    counts = [({"verdict": verdict.value}, totals.verdicts[verdict]) for verdict in Verdict]
    yield "verdicts", "Verdicts, of every rule on every host.", counts
    left = totals.hosts * totals.rules - sum(totals.verdicts.values())
    yield "verdicts_missing", "Rules on hosts without a verdict; never but 0.", _one(left)
    yield "rule_verdicts", "Verdicts of one rule, by verdict.", _rules(result)


def _one(value: float) -> list[Sample]:
    return [({}, value)]


def _times(started: datetime, finished: datetime) -> Iterator[tuple[str, str, list[Sample]]]:
    text = "When the audit ended, in seconds since 1970 (UTC)."
    yield "audit_end_timestamp_seconds", text, _one(finished.timestamp())
    took = _one((finished - started).total_seconds())
    yield "audit_duration_seconds", "How long the audit took.", took


def _rules(result: AuditResult) -> Iterator[Sample]:
    for bound, counted in zip(result.rules, counts_by_rule(result), strict=True):
        labels = {
            "policy": bound.policy.policy,
            "rule": bound.rule.id,
            "severity": bound.severity.value,
        }
        yield from (({**labels, "verdict": each.value}, counted[each]) for each in Verdict)


def _metric(name: str, text: str, samples: Iterable[Sample]) -> Iterator[str]:
    head = f"# HELP {name} {text}\n# TYPE {name} gauge\n"
    for labels, value in samples:
        yield f"{head}{name}{_labels(labels)} {_number(value)}\n"
        head = ""


def _labels(labels: dict[str, str]) -> str:
    text = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{text}}}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
