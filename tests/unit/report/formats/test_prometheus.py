"""Prometheus' text format, read by its own client."""

from hypothesis import given, settings
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from portproof.model.verdicts import PASSED
from portproof.report.contract import Theme
from portproof.report.formats.prometheus import render
from portproof.result.result import AuditResult, HostResult
from portproof.text.visible import visible
from support.report.fleets import SAMPLES, bound, large, results, short
from support.report.results import mixed, run, seen


def write(result: AuditResult) -> str:
    """The result as metrics."""
    return "".join(render(result, Theme(())))


def read(result: AuditResult) -> dict[str, list[Sample]]:
    """Samples by the name of their metric."""
    families = list(text_string_to_metric_families(write(result)))
    assert all(family.type == "gauge" and family.documentation for family in families)
    assert len({family.name for family in families}) == len(families)
    return {family.name: family.samples for family in families}


def value(result: AuditResult, name: str, **labels: str) -> float:
    """The value of one series."""
    wanted = labels.items()
    (sample,) = [each for each in read(result)[name] if wanted <= each.labels.items()]
    return float(sample.value)


@settings(max_examples=30)
@given(result=results())
def test_any_result_is_read_and_no_series_is_there_twice(result: AuditResult) -> None:
    """node_exporter refuses a file in which one is."""
    names = [
        (each.name, *sorted(each.labels.items())) for all_ in read(result).values() for each in all_
    ]
    assert len(set(names)) == len(names)


def test_the_figures_are_those_of_the_result() -> None:
    """Hosts, verdicts by rule, exit code and times."""
    result = mixed()
    assert value(result, "portproof_hosts") == 12
    assert value(result, "portproof_hosts_proven") == 5
    assert value(result, "portproof_hosts_failing") == 5
    assert value(result, "portproof_hosts_unproven") == 2
    assert value(result, "portproof_verdicts", verdict="unproven") == 7
    failing = {"rule": "npmp-trap-609", "severity": "critical", "verdict": "fail"}
    assert value(result, "portproof_rule_verdicts", **failing) == 2
    assert value(result, "portproof_audit_exit_code") == 1
    assert value(result, "portproof_audit_end_timestamp_seconds") == 1795399218
    assert value(result, "portproof_audit_duration_seconds") == 14
    assert value(result, "portproof_info", version="0.1.0") == 1


def test_an_interrupted_audit_says_so() -> None:
    """Nothing else of an interrupted audit without findings would tell."""
    assert value(SAMPLES["interrupted"](), "portproof_audit_interrupted") == 1
    assert value(SAMPLES["interrupted"](), "portproof_audit_exit_code") == 3
    assert value(short(), "portproof_verdicts_missing") == 1


def test_labels_keep_what_they_hold() -> None:
    """A quote, a backslash and a line feed in a name make no label and no line."""
    version = 'a"} 1\\x\nportproof_hosts 99'
    host = HostResult("a", (), (PASSED,), seen())
    result = AuditResult(run(version=version), bound(1), [host])
    (sample,) = read(result)["portproof_info"]
    assert sample.labels["version"] == visible(version)
    assert value(result, "portproof_hosts") == 1


def test_hosts_have_no_series_and_every_line_ends() -> None:
    """The number of series does not grow with the fleet; the file ends as node_exporter asks."""
    text = write(SAMPLES["large"]())
    assert "host-0" not in text
    assert text.endswith("\n")
    assert text.count("\n") == write(large(10)).count("\n")
