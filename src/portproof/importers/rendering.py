"""Write checks and policies as readable, reproducible YAML: in order, long text as blocks."""

from typing import Any, Final

import yaml

from portproof.importers.drafting import Draft, Drafted
from portproof.text.visible import visible

_WIDTH: Final = 96


class _Dumper(yaml.SafeDumper):
    """Indents lists below their key, as the shipped policies are."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT002 - PyYAML's signature
        super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=_style(text))


def _style(text: str) -> str | None:
    """Return the style: literal for lines, folded for long text, quoted for apparent numbers."""
    if "\n" in text:
        return "|"
    if len(text) > _WIDTH - 16:
        return ">"
    return None if text[:1].isalpha() else "'"


_Dumper.add_representer(str, _text)


def files(draft: Draft, source: str, stem: str) -> dict[str, str]:
    """Return the text of every file by its path in a repository, such as ``checks/telnet.yml``.

    Args:
        draft: What is written.
        source: The base name of the imported file.
        stem: The same without its ending, for the policy's id.
    """
    written = {f"checks/{each.values['check']}.yml": rendered(each) for each in draft.checks}
    if draft.rules:
        policy = draft.policy(source, stem)
        written[f"policies/{policy.values['policy']}.yml"] = rendered(policy)
    return written


def rendered(drafted: Drafted) -> str:
    """Return one file: its origin as a comment, then its values."""
    remarks = (f"Imported from {drafted.source}.", *drafted.remarks)
    comment = "".join(f"# {visible(remark)}\n" for remark in remarks)
    return comment + _dumped(drafted.values)


def _dumped(values: dict[str, Any]) -> str:
    text: str = yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
    return text
