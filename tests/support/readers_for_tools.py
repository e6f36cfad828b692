"""Readers of the formats for other programs: what each tells of the verdicts, counted anew.

A reader takes what a format wrote and gives the number of verdicts of each kind that it finds in
the entries themselves, never in a total that the format wrote down.
"""

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from support.runner import commands

Counts = dict[str, int]

_HOSTS: Final = re.compile(r"(?:fails|is unproven|is waived) on ([\d,]+) hosts?$")


def sarif(text: str) -> Counts:
    """Results that are the first of their judgement, by verdict; that of the audit is none."""
    results = json.loads(text)["runs"][0]["results"]
    about = [result["properties"] for result in results if "properties" in result]
    return _told(Counter(each["verdict"] for each in about if each["finding"] == 1))


def github(text: str) -> Counts:
    """Hosts of the lines of rules, by the verdict in their title."""
    counts: Counter[str] = Counter()
    for command in commands(text):
        verdict, _, rule = command.properties["title"].partition(" ")
        if rule:
            found = _HOSTS.search(command.data.splitlines()[0])
            assert found is not None, command
            counts[verdict] += int(found[1].replace(",", ""))
    return _told(counts)


def gitlab(text: str) -> Counts:
    """Issues, by the verdict their description starts with."""
    issues = [issue for issue in json.loads(text) if issue["check_name"] != "portproof"]
    return _told(Counter(issue["description"].partition(":")[0] for issue in issues))


def ocsf(text: str) -> Counts:
    """Events behind the first one, by verdict."""
    events = [json.loads(line) for line in text.split("\n") if line][1:]
    return _told(Counter(event["unmapped"]["verdict"] for event in events))


def prometheus(text: str) -> Counts:
    """The series of every rule, added up by verdict."""
    counts: Counter[str] = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples if family.name == "portproof_rule_verdicts" else ():
            counts[sample.labels["verdict"]] += int(sample.value)
    return dict(counts)


def oscal(text: str) -> Counts:
    """The subjects of observations, by verdict."""
    counts: Counter[str] = Counter()
    for observation in json.loads(text)["assessment-results"]["results"][0].get("observations", ()):
        properties = {each["name"]: each["value"] for each in observation["props"]}
        counts[properties["verdict"]] += len(observation["subjects"])
    return {name: counts[name] for name in ("pass", "fail", "waived", "not-applicable", "unproven")}


def _told(counts: Counter[str]) -> Counts:
    """A count for each verdict the format tells, those without any too."""
    assert counts.keys() <= {"fail", "waived", "unproven"}, counts
    return {name: counts[name] for name in ("fail", "waived", "unproven")}


READERS: Final[dict[str, Callable[[str], Counts]]] = {
    "github": github,
    "gitlab": gitlab,
    "ocsf": ocsf,
    "oscal": oscal,
    "prometheus": prometheus,
    "sarif": sarif,
}
