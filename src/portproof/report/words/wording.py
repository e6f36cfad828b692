"""The words of the report: the verdict in a sentence, and the meaning of each reason."""

from dataclasses import dataclass
from typing import Final

from portproof.exitcodes import ExitCode
from portproof.model.observation import Platform, Reason
from portproof.model.verdicts import Verdict
from portproof.policy.policy import BoundRule
from portproof.result.result import AuditResult, Totals
from portproof.text.words import many, number

WORDS: Final = {
    Verdict.PASS: "pass",
    Verdict.FAIL: "fail",
    Verdict.WAIVED: "waived",
    Verdict.NOT_APPLICABLE: "not applicable",
    Verdict.UNPROVEN: "unproven",
}


PLATFORMS: Final = {
    Platform.LINUX.value: "Linux",
    Platform.MACOS.value: "macOS",
    Platform.WINDOWS.value: "Windows",
}

NOTHING_JUDGED: Final = "Nothing was judged: there is no host that a rule applies to"


def title_of(bound: BoundRule) -> str:
    """Return a rule's title in one line."""
    return bound.rule.title or bound.rule.summary()


@dataclass(frozen=True, slots=True)
class AuditState:
    """The state of the whole audit: the verdict whose shape shows it, and the word beside it."""

    verdict: Verdict
    word: str


def state(result: AuditResult) -> AuditState:
    """Return the state of the audit; green only if something was judged and all of it is proven."""
    return {
        ExitCode.PROVEN: AuditState(Verdict.PASS, "Proven"),
        ExitCode.FAILED: AuditState(Verdict.FAIL, "Failed"),
        ExitCode.INCOMPLETE: AuditState(Verdict.UNPROVEN, "Incomplete"),
        ExitCode.ERROR: AuditState(Verdict.UNPROVEN, "Nothing judged"),
    }[result.exit_code]


def sentence(result: AuditResult) -> str:
    """Return the verdict in a sentence."""
    totals = result.totals
    if not totals.judged:
        text = NOTHING_JUDGED
    elif totals.hosts == 1:
        text = _one_host(result.hosts[0].name, totals)
    else:
        text = _many_hosts(totals)
    return f"{text}; the audit was interrupted" if result.run.interrupted else text


def _one_host(name: str, totals: Totals) -> str:
    failing, unproven = totals.verdicts[Verdict.FAIL], totals.verdicts[Verdict.UNPROVEN]
    if failing and unproven:
        verb = "is" if unproven == 1 else "are"
        fails = _share(failing, totals.rules, ("fails", "fail"))
        return f"{fails} on {name}; {number(unproven)} {verb} unproven"
    if failing:
        fails = _share(failing, totals.rules, ("fails", "fail"))
        return f"{fails} on {name}; nothing is unproven"
    if unproven:
        return f"{_share(unproven, totals.rules, ('is', 'are'))} unproven on {name}; nothing fails"
    return f"{name} is proven: {_all_is_well(totals)}"


def _many_hosts(totals: Totals) -> str:
    rules = many(totals.rules_failing, "rule")
    fails = f"{rules} {'fails' if totals.rules_failing == 1 else 'fail'} on"
    proven = f"{number(totals.hosts_proven)} of {many(totals.hosts, 'host')} proven"
    unproven = f"{many(totals.hosts_unproven, 'host')} unproven"
    idle = f"; {many(totals.hosts_not_judged, 'host')} not judged"
    rest = idle if totals.hosts_not_judged else ""
    if totals.hosts_failing and totals.hosts_unproven:
        return f"{proven}; {fails} {many(totals.hosts_failing, 'host')}; {unproven}{rest}"
    if totals.hosts_failing:
        of_all = f"{number(totals.hosts_failing)} of {many(totals.hosts, 'host')}"
        return f"{fails} {of_all}; nothing is unproven{rest}"
    if totals.hosts_unproven:
        return f"{proven}; {unproven}; nothing fails{rest}"
    if rest:
        return f"{proven}; nothing fails and nothing is unproven{rest}"
    return f"All {many(totals.hosts, 'host')} proven: {_all_is_well(totals)}"


def _share(count: int, total: int, verbs: tuple[str, str]) -> str:
    verb = verbs[count > 1]
    if count < total:
        return f"{number(count)} of {many(total, 'rule')} {verb}"
    return f"The only rule {verb}" if total == 1 else f"All {many(total, 'rule')} {verb}"


def _all_is_well(totals: Totals) -> str:
    which = "every rule that applies" if totals.verdicts[Verdict.NOT_APPLICABLE] else "every rule"
    return f"{which} passes or is waived" if totals.verdicts[Verdict.WAIVED] else f"{which} passes"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a reason means, and what to do about it."""

    title: str
    advice: str


MEANINGS: Final = {
    Reason.UNREACHABLE: Meaning(
        "The host could not be reached",
        "Check that it is up, that its name resolves and that no firewall refuses the connection."
        " Remove it from the inventory only if it no longer exists.",
    ),
    Reason.TIMEOUT: Meaning(
        "The answer took too long",
        "Check the host for high load or a collector that hangs, then audit again.",
    ),
    Reason.AUTH: Meaning(
        "The login was refused",
        "Check the user, the key or password, and the become settings that the inventory gives"
        " for the host.",
    ),
    Reason.HOST_KEY: Meaning(
        "The host's key is not the known one",
        "Find out why first: a reinstalled host has a new key, and so has an impostor. Update the"
        " known keys only then.",
    ),
    Reason.UNSUPPORTED_CONNECTION: Meaning(
        "The host cannot be reached as the inventory says",
        "Audit it on the host itself, or use a connection type that portproof supports.",
    ),
    Reason.NO_COLLECTOR: Meaning(
        "Nothing on the host could answer",
        "Install osquery, or Python 3 for the embedded probe. On the host itself,"
        " `portproof doctor` says what is missing.",
    ),
    Reason.QUERY_ERROR: Meaning(
        "The question failed",
        "The detail holds the error. Run the same SQL on the host to reproduce it.",
    ),
    Reason.MISSING_TABLE: Meaning(
        "The source does not have the table that was asked for",
        "Use another source or a newer osquery. On the host itself, `portproof doctor` lists the"
        " available sources.",
    ),
    Reason.GARBLED: Meaning(
        "The answer is malformed",
        "A broken collector answers like this, and so does a manipulated one. Compare with another"
        " source on the host.",
    ),
    Reason.PRIVILEGE: Meaning(
        "The collector was not allowed to see everything",
        "Run it as root: with sudo on this machine, with become in the inventory for other hosts.",
    ),
    Reason.NO_WITNESS: Meaning(
        "A socket known to be open was not seen",
        "The look missed something that was there, so it may have missed more. Check that"
        " the collector runs in the host's own network namespace, and audit again.",
    ),
    Reason.PARTIAL: Meaning(
        "The answer is not complete",
        "The detail says what is missing. Audit again, and as root if something could not be read.",
    ),
    Reason.AMBIGUOUS: Meaning(
        "What was seen is ambiguous",
        "Examine the listener by hand: `portproof explain PORT` shows the commands. A look with"
        " more privilege often settles it.",
    ),
    Reason.STALE: Meaning(
        "The answer is too old",
        "Check that the host still reports, then audit again.",
    ),
    Reason.OVERSIZED: Meaning(
        "The answer is larger than any valid one",
        "Find out what fills the host's tables: thousands of sockets are an error or an attack.",
    ),
    Reason.INTERRUPTED: Meaning(
        "The audit was stopped before the host was judged",
        "Audit again and let it finish.",
    ),
    Reason.INTERNAL: Meaning(
        "portproof itself failed on this host",
        "This is a bug in portproof, not a problem of the host. Please report it with the detail.",
    ),
}
