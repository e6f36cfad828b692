"""Any well-formed list of Fleet policies becomes content that lints clean and says the same."""

import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from portproof.content.document import parse_document
from portproof.content.lint import lint
from portproof.content.load import load
from portproof.content.shipped import shipped
from portproof.importers.drafting import Drafted, draft
from portproof.importers.fleet import read_fleet
from portproof.importers.rendering import files, rendered
from portproof.importers.writing import write

SQL = st.sampled_from(
    [
        "SELECT 1 FROM users",
        "SELECT 1 FROM users;\n",
        "SELECT 1\n\tFROM users   \n  WHERE username LIKE '%a\tb ' -- why\n;",
        "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM users WHERE uid = 0);",
        "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM a) AND NOT EXISTS (SELECT 1 FROM b)",
        "SELECT count(*) FROM users HAVING count(*) > 1",
        "SELECT 1 FROM file WHERE path = '/a' AND " + "size <> 0 AND  " * 20 + "uid = 0",
        "WITH a AS (SELECT 1 FROM users) SELECT * FROM a",
        "SELECT 'é \U0001f600 \x07' FROM users",
    ]
)
TEXTS = st.text(max_size=200) | st.sampled_from(
    ["no", "22:22", "0x1f", "1e5", "~", "- a", "a: b", "# c", "  b \n\n a\t\n", "'", '"', "%a", "|"]
)
POLICIES = st.lists(
    st.fixed_dictionaries(
        {"name": TEXTS.filter(str.strip), "query": SQL},
        optional={
            "description": TEXTS,
            "resolution": TEXTS,
            "platform": st.sampled_from(["", "darwin", "linux,windows", "darwin,linux,windows"]),
            "critical": st.booleans(),
        },
    ),
    min_size=1,
    max_size=5,
)


steady = settings(max_examples=60)


class Quoted(yaml.SafeDumper):
    """Quotes every text, as what is text in YAML 1.1 and 1.2 alike must be."""


def _quote(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')


Quoted.add_representer(str, _quote)


def classic(policies: list[dict[str, Any]]) -> str:
    """The policies as documents."""
    documents = ({"apiVersion": "v1", "kind": "policy", "spec": each} for each in policies)
    text: str = yaml.dump_all(documents, Dumper=Quoted)
    return text


def gitops(policies: list[dict[str, Any]]) -> str:
    """The policies as a list."""
    text: str = yaml.dump({"policies": policies}, Dumper=Quoted, allow_unicode=True)
    return text


@steady
@given(POLICIES, st.sampled_from([classic, gitops]))
def test_well_formed_policies_become_content_that_lints(
    policies: list[dict[str, Any]],
    form: Any,  # noqa: ANN401 - one of the functions above
) -> None:
    """Every policy is imported, nothing is told, and lint finds nothing."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "fleet.yml"
        source.write_text(form(policies), encoding="utf-8")
        made = draft(read_fleet(source), {"listening-sockets"})
        write(folder, files(made, source.name, source.stem))
        content = load([folder / "policies"], [shipped("checks"), folder / "checks"])
        lint(content)
        assert made.told == []
        assert content.problems == []
        assert [rule.rule.severity == "high" for rule in content.rules()] == [
            bool(policy.get("critical")) for policy in policies
        ]


@steady
@given(st.dictionaries(st.sampled_from("abcdef"), TEXTS, min_size=1))
def test_what_is_rendered_is_read_back_as_it_was(values: dict[str, str]) -> None:
    """No text is changed, cut or taken for a number by being written as YAML."""
    text = rendered(Drafted(values, "a\nb", ("c\x85d",)))
    document = parse_document("x", text.encode())
    assert document.problems == []
    assert document.value == values
