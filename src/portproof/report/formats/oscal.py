"""``oscal-assessment-results.json``: NIST's OSCAL assessment results, for GRC tools.

Source: the OSCAL 1.1.2 assessment-results model; documents of it are valid by the later 1.x models.

A rule is an objective of its own below each NIST SP 800-53 control it maps to: a closed port is
evidence for CM-7, and never all of CM-7. The objective is satisfied only if the rule passed on
every host it is for, and there is one. What is waived or unproven is not satisfied, with that as
the reason; a rule that is for no host has no finding. Every verdict is in an observation.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import msgspec

from portproof.model.verdicts import Judgement, Verdict
from portproof.policy.policy import BoundRule
from portproof.report.contract import Theme
from portproof.report.formats.oscal_controls import (
    NAMESPACE,
    controls,
    objective,
    one_line,
    own_props,
    reviewed,
    target,
    targets,
)
from portproof.report.words.findings import (
    FindingItem,
    counts_by_rule,
    fingerprint,
    message,
)
from portproof.report.words.phrases import alarm, reason
from portproof.report.words.wording import sentence, title_of
from portproof.result.result import AuditResult, Digest, HostResult
from portproof.text.safe import clean, escaped
from portproof.text.times import iso
from portproof.text.words import many

FILE: Final = "oscal-assessment-results.json"
VERSION: Final = "1.1.2"

_SPACE: Final = uuid5(NAMESPACE_URL, NAMESPACE)
"""The namespace of every uuid here, so that the same thing has the same uuid in every audit."""

_TOOL: Final = "tool"
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_OPEN: Final = (Verdict.FAIL, Verdict.UNPROVEN, Verdict.WAIVED)
"""The worst first: of a rule with several, it is the reason."""

_QUIET: Final = (Verdict.PASS, Verdict.NOT_APPLICABLE)


def render(result: AuditResult, theme: Theme) -> Iterator[str]:  # noqa: ARG001 - every format has this signature
    """Write one document with one result, host by host and observation by observation."""
    run = result.run
    uid = fingerprint(iso(run.started), run.inventory.name, run.inventory.sha256)
    yield f'{{"assessment-results": {{\n"uuid": {_text(_uuid("document", uid))},\n'
    yield f'"metadata": {_text(_metadata(result))},\n'
    yield f'"import-ap": {_text({"href": "#" + _uuid("plan", uid)})},\n'
    if objectives := [objective(bound, control) for bound, control in targets(result.rules)]:
        yield f'"local-definitions": {_text({"objectives-and-methods": objectives})},\n'
    yield f'"results": [{{\n{_head(result, uid)},\n'
    yield f'"local-definitions": {{{_field("assessment-assets", _assets(result))}'
    yield from _array(",\n", "inventory-items", map(_inventory_item, result.hosts))
    yield f"}},\n{_field('reviewed-controls', reviewed(result))}"
    yield from _written(",\n", "observations", _observations(result))
    yield from _written(",\n", "findings", _findings(result))
    yield f'\n}}],\n"back-matter": {_text({"resources": [_plan(result, uid)]})}\n}}}}\n'


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _field(name: str, value: object) -> str:
    return f'"{name}": {_text(value)}'


def _array(before: str, name: str, items: Iterable[object]) -> Iterator[str]:
    """An array item by item; without items there is none, since OSCAL refuses an empty one."""
    return _written(before, name, (iter([_text(item)]) for item in items))


def _written(before: str, name: str, items: Iterable[Iterator[str]]) -> Iterator[str]:
    """Yield an array of items that are written piece by piece themselves."""
    opening = f'{before}"{name}": [\n'
    end = ""
    for pieces in items:
        yield opening
        yield from pieces
        opening, end = ",\n", "\n]"
    yield end


def _uuid(*parts: str) -> str:
    return str(uuid5(_SPACE, fingerprint(*parts)))


def _time(time: datetime | None) -> str:
    """Return a time as OSCAL writes it; one that is not known is 1970: old, never fresh."""
    return iso(time or datetime.fromtimestamp(0, UTC)).replace("+00:00", "Z")


def _metadata(result: AuditResult) -> dict[str, Any]:
    finished = _time(result.run.finished)
    return {
        "title": f"Audit of {one_line(result.run.inventory.name)}",
        "last-modified": finished,
        "version": finished,
        "oscal-version": VERSION,
        "props": own_props(("portproof-version", result.run.version), ("exit-code", _code(result))),
    }


def _code(result: AuditResult) -> str:
    return str(int(result.exit_code))


def _head(result: AuditResult, uid: str) -> str:
    counts = [(verdict, str(number)) for verdict, number in result.totals.verdicts.items()]
    text = alarm(result) or clean(sentence(result))
    fields = {
        "uuid": _uuid("result", uid),
        "title": "Rules about ports and packages, proven on hosts",
        "description": escaped(text),
        "start": _time(result.run.started),
        "end": _time(result.run.finished),
        "props": own_props(*counts, ("interrupted", str(result.run.interrupted).lower())),
    }
    return _text(fields)[1:-1]


def _assets(result: AuditResult) -> dict[str, Any]:
    tool = {
        "uuid": _uuid(_TOOL),
        "type": "software",
        "title": "portproof",
        "description": "Proves what listens on hosts.",
        "status": {"state": "operational"},
        "props": own_props(("version", result.run.version)),
    }
    platform = {"uuid": _uuid("platform", result.run.controller)}
    title = {"title": one_line(result.run.controller)}
    return {"components": [tool], "assessment-platforms": [platform | title]}


def _inventory_item(host: HostResult) -> dict[str, Any]:
    groups = [("group", group) for group in host.groups]
    known = own_props(("name", host.name), ("platform", host.seen.platform), *groups)
    item: dict[str, Any] = {"uuid": _host(host), "description": one_line(host.name)}
    return item | ({"props": known} if known else {})


def _host(host: HostResult) -> str:
    return _uuid("host", host.name)


HostJudgements = Iterator[tuple[HostResult, Judgement]]


def _hosts(result: AuditResult, index: int, *verdicts: Verdict) -> HostJudgements:
    """The hosts on which a rule came out as one of these; asked anew for each, to hold none."""
    for verdict in verdicts:
        for host in result.hosts:
            for judgement in host.judgements[index : index + 1]:
                if judgement.verdict is verdict:
                    yield host, judgement


def _observations(result: AuditResult) -> Iterator[Iterator[str]]:
    """One for each host that did not pass, and one for all hosts that did, rule by rule."""
    counts = counts_by_rule(result)
    for index, bound in enumerate(result.rules):
        for host, judgement in _hosts(result, index, *_OPEN):
            yield iter([_text(_single(bound, host, judgement))])
        for verdict in _QUIET:
            if counts[index][verdict]:
                yield _shared(result, index, verdict, counts[index][verdict])


def _single(bound: BoundRule, host: HostResult, judgement: Judgement) -> dict[str, Any]:
    verdict = judgement.verdict
    why = [("reason", reason(judgement))] if verdict is Verdict.UNPROVEN else []
    text = escaped(message(FindingItem(bound, host, judgement, None, ""))).strip()
    return {
        **_observation(bound, verdict, _seen(bound, verdict, host)),
        "description": text or "no detail",
        "props": own_props(("rule", bound.key), ("verdict", verdict), *why),
        "collected": _time(host.seen.taken),
        "subjects": [_subject(host)],
    }


def _shared(result: AuditResult, index: int, verdict: Verdict, hosts: int) -> Iterator[str]:
    """One observation of many hosts, host by host; it was collected no later than the start."""
    bound = result.rules[index]
    head = {
        **_observation(bound, verdict, _seen(bound, verdict)),
        "description": many(hosts, "host"),
        "props": own_props(("rule", bound.key), ("verdict", verdict)),
        "collected": _time(result.run.started),
    }
    subjects = (_subject(host) for host, _ in _hosts(result, index, verdict))
    yield _text(head)[:-1]
    yield from _array(",", "subjects", subjects)
    yield "}"


def _observation(bound: BoundRule, verdict: Verdict, uid: str) -> dict[str, Any]:
    return {
        "uuid": uid,
        "title": f"{escaped(bound.key)}: {verdict}",
        "methods": ["TEST"],
        "types": ["control-objective"],
        "origins": [{"actors": [{"type": "tool", "actor-uuid": _uuid(_TOOL)}]}],
    }


def _subject(host: HostResult) -> dict[str, str]:
    title = one_line(host.name)
    return {"subject-uuid": _host(host), "type": "inventory-item", "title": title}


def _seen(bound: BoundRule, verdict: Verdict, host: HostResult | None = None) -> str:
    alone = [host.name] if host is not None and verdict in _OPEN else ["", verdict]
    return _uuid("observation", bound.key, *alone)


def _findings(result: AuditResult) -> Iterator[Iterator[str]]:
    for index, counts in enumerate(counts_by_rule(result)):
        if any(counts[each] for each in (*_OPEN, Verdict.PASS)):
            for control in controls(result.rules[index]):
                yield _finding(result, index, control, counts)


def _finding(
    result: AuditResult, index: int, control: str, counts: Counter[Verdict]
) -> Iterator[str]:
    bound = result.rules[index]
    title = one_line(title_of(bound))
    told = ", ".join(f"{counts[each]} {each}" for each in Verdict)
    head = {
        "uuid": _uuid("finding", bound.key, control),
        "title": title,
        "description": f"Verdicts on {many(len(result.hosts), 'host')}: {told}",
        "target": {
            "type": "objective-id",
            "target-id": target(bound, control),
            "title": title,
            "status": _status(result, counts),
        },
    }
    yield _text(head)[:-1]
    yield from _array(",", "related-observations", _related(result, index, counts))
    yield "}"


def _status(result: AuditResult, counts: Counter[Verdict]) -> dict[str, str]:
    worst = next((verdict for verdict in _OPEN if counts[verdict]), None)
    if worst is not None:
        return {"state": "not-satisfied", "reason": worst.value}
    if text := alarm(result):
        return {"state": "not-satisfied", "reason": Verdict.UNPROVEN.value, "remarks": text}
    return {"state": "satisfied", "reason": "pass"}


def _related(result: AuditResult, index: int, counts: Counter[Verdict]) -> Iterator[dict[str, str]]:
    bound = result.rules[index]
    for host, judgement in _hosts(result, index, *_OPEN):
        yield {"observation-uuid": _seen(bound, judgement.verdict, host)}
    if counts[Verdict.PASS]:
        yield {"observation-uuid": _seen(bound, Verdict.PASS)}


def _plan(result: AuditResult, uid: str) -> dict[str, Any]:
    """What stands for the assessment plan: the policies, checks and inventory, by their digests."""
    run = result.run
    inputs = chain([("inventory", run.inventory)], _named("policy", run.policies))
    props = [_digest(kind, each) for kind, each in chain(inputs, _named("check", run.checks))]
    plan = {"uuid": _uuid("plan", uid), "title": "What was asked of which hosts"}
    told = {"description": "The inputs of the audit, with their SHA-256 as remarks."}
    props = [each for each in props if each]
    return plan | told | ({"props": props} if props else {})


def _named(kind: str, digests: Iterable[Digest]) -> Iterator[tuple[str, Digest]]:
    return ((kind, digest) for digest in digests)


def _digest(kind: str, digest: Digest) -> dict[str, str]:
    found = own_props((kind, digest.name))
    known = _SHA256.fullmatch(digest.sha256)
    return {**found[0], **({"remarks": digest.sha256} if known else {})} if found else {}
