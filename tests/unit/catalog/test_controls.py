"""The tables of control numbers: complete where the standard says how many, sorted, and tidy."""

import re
from collections import Counter

from portproof.catalog.controls import (
    _table,
    control_order,
    control_title,
    control_trouble,
    framework_name,
    framework_trouble,
    frameworks,
)
from support.for_each import for_each

FORMS = {
    "cis-controls": r"\d{1,2}(\.\d{1,2})?",
    "iso-27001": r"A\.[5-8]\.\d{1,2}",
    "nist-800-53": r"[A-Z]{2}-\d{1,2}(\(\d{1,2}\))?",
    "pci-dss": r"(A[123]|\d{1,2})(\.\d{1,2}){0,4}",
}


@for_each("framework", frameworks())
def test_a_table_is_sorted_and_its_numbers_have_one_form(framework: str) -> None:
    """Every number is there once, in order, as the standard writes it."""
    numbers = list(_table(framework))
    assert [n for n in numbers if not re.fullmatch(FORMS[framework], n)] == []
    assert numbers == sorted(
        numbers, key=lambda n: (n.startswith("A") and framework == "pci-dss", control_order(n))
    )


@for_each("framework", frameworks())
def test_every_number_has_a_title(framework: str) -> None:
    """Its own, or that of what it is part of; one line of text."""
    titles = [control_title(framework, number) for number in _table(framework)]
    assert all(titles)
    assert [title for title in titles if title != " ".join(title.split()) or len(title) > 130] == []
    assert framework_name(framework) != framework


def test_the_numbers_of_controls_are_the_standards_own() -> None:
    """18 controls and 153 safeguards; 37, 8, 14 and 34 of Annex A; 12 requirements; 20 families."""
    cis = Counter(number.count(".") for number in _table("cis-controls"))
    assert cis == {0: 18, 1: 153}
    annex = Counter(number.split(".")[1] for number in _table("iso-27001"))
    assert annex == {"5": 37, "6": 8, "7": 14, "8": 34}
    assert [n for n in _table("pci-dss") if n.isdigit()] == [str(n) for n in range(1, 13)]
    assert len({number[:2] for number in _table("nist-800-53")}) == 20


@for_each("framework", ["cis-controls", "pci-dss"])
def test_every_part_is_part_of_something(framework: str) -> None:
    """Nothing hangs in the air: 2.2.4 has 2.2, and 2.2 has 2."""
    table = _table(framework)
    parents = {number.rpartition(".")[0] for number in table} - {""}
    assert parents <= set(table)


@for_each(
    ("framework", "number", "title"),
    [
        ("nist-800-53", "CM-7", "Least Functionality"),
        ("nist-800-53", "CM-7(1)", "Periodic Review"),
        ("nist-800-53", "CM-7(3)", "Least Functionality"),
        ("nist-800-53", "SC-7(5)", "Deny by Default — Allow by Exception"),
        ("nist-800-53", "AC-13", ""),
        ("cis-controls", "4.8", "Uninstall or Disable Unnecessary Services on Enterprise Assets"),
        ("cis-controls", "12.6", "Use of Secure Network Management and Communication Protocols"),
        ("iso-27001", "A.8.20", "Networks security"),
        ("iso-27001", "A.8.9", "Configuration management"),
        ("pci-dss", "1.2.6", "Insecure services, protocols and ports are mitigated"),
        ("pci-dss", "2.3.1", "Wireless environments are configured and managed securely"),
        ("our-own", "17", ""),
    ],
)
def test_titles_are_those_of_the_standard(framework: str, number: str, title: str) -> None:
    """A control without a title of its own has that of what it is part of."""
    found = control_title(framework, number)
    assert found.startswith(title)
    assert bool(found) == bool(title)


def test_what_is_not_known_is_told_only_where_that_can_be_told() -> None:
    """Frameworks of one's own are taken as they are; another spelling of a known one is not."""
    assert control_trouble("our-own", "17") is None
    assert framework_trouble("our-own") is None
    assert framework_trouble("nist-800-171") is None
    assert framework_trouble("nist-80053") == "write this framework as nist-800-53"
    assert "did you mean CM-7" in (control_trouble("nist-800-53", "CM7") or "")
    long = control_trouble("pci-dss", "9" * 10_000) or ""
    assert len(long) < 200
