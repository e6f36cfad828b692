"""portproof: declare which ports must be closed, and prove it on every host.

The names in ``__all__`` are the public API, which docs/api.md describes. Each is imported when it
is first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from portproof.app.audit import audit
    from portproof.app.audit_policies import audit_policies
    from portproof.app.audit_request import AuditOutcome, AuditRequest, ReportStyle, RunningAudit
    from portproof.app.compare import Comparison, compare
    from portproof.app.doctor import MachineState, examine_machine
    from portproof.app.explain import PortExplanation, explain
    from portproof.app.hosts import HostOverview, host_overviews
    from portproof.app.import_queries import ImportFrom, ImportOutcome, import_queries
    from portproof.app.lint import LintOutcome, lint
    from portproof.app.listing import ListRequest, list_checks, list_policies, list_rules
    from portproof.app.new_repository import new_repository
    from portproof.app.policy_tests import PolicyTestsOutcome, run_policy_tests
    from portproof.app.reevaluate import ReevaluateOutcome, ReevaluateRequest, reevaluate
    from portproof.app.render import RenderRequest, render, render_in_memory
    from portproof.app.resume import ResumeRequest, resume
    from portproof.app.verify import Verification, verify
    from portproof.app.waivers_to_clean_up import WaiversOutcome, waivers_to_clean_up
    from portproof.archive.results import read_result
    from portproof.errors import (
        ContentError,
        OutputError,
        PortproofError,
        Problem,
        TemplateError,
        UsageError,
    )
    from portproof.exitcodes import ExitCode
    from portproof.inventory.read import read_inventory
    from portproof.model.hosts import Host, Inventory
    from portproof.model.observation import Reason
    from portproof.model.verdicts import Verdict
    from portproof.policy.checks import Check
    from portproof.policy.policy import Policy
    from portproof.result.result import AuditResult, HostResult

__version__ = "0.1.0"

__all__ = [
    "AuditOutcome",
    "AuditRequest",
    "AuditResult",
    "Check",
    "Comparison",
    "ContentError",
    "ExitCode",
    "Host",
    "HostOverview",
    "HostResult",
    "ImportFrom",
    "ImportOutcome",
    "Inventory",
    "LintOutcome",
    "ListRequest",
    "MachineState",
    "OutputError",
    "Policy",
    "PolicyTestsOutcome",
    "PortExplanation",
    "PortproofError",
    "Problem",
    "Reason",
    "ReevaluateOutcome",
    "ReevaluateRequest",
    "RenderRequest",
    "ReportStyle",
    "ResumeRequest",
    "RunningAudit",
    "TemplateError",
    "UsageError",
    "Verdict",
    "Verification",
    "WaiversOutcome",
    "__version__",
    "audit",
    "audit_policies",
    "compare",
    "examine_machine",
    "explain",
    "host_overviews",
    "import_queries",
    "lint",
    "list_checks",
    "list_policies",
    "list_rules",
    "new_repository",
    "read_inventory",
    "read_result",
    "reevaluate",
    "render",
    "render_in_memory",
    "resume",
    "run_policy_tests",
    "verify",
    "waivers_to_clean_up",
]

_MODULES: Final = {
    "app.audit": ("audit",),
    "app.audit_policies": ("audit_policies",),
    "app.audit_request": ("AuditOutcome", "AuditRequest", "ReportStyle", "RunningAudit"),
    "app.compare": ("Comparison", "compare"),
    "app.doctor": ("MachineState", "examine_machine"),
    "app.explain": ("PortExplanation", "explain"),
    "app.hosts": ("HostOverview", "host_overviews"),
    "app.import_queries": ("ImportFrom", "ImportOutcome", "import_queries"),
    "app.lint": ("LintOutcome", "lint"),
    "app.listing": ("ListRequest", "list_checks", "list_policies", "list_rules"),
    "app.new_repository": ("new_repository",),
    "app.policy_tests": ("PolicyTestsOutcome", "run_policy_tests"),
    "app.reevaluate": ("ReevaluateOutcome", "ReevaluateRequest", "reevaluate"),
    "app.render": ("RenderRequest", "render", "render_in_memory"),
    "app.resume": ("ResumeRequest", "resume"),
    "app.verify": ("Verification", "verify"),
    "app.waivers_to_clean_up": ("WaiversOutcome", "waivers_to_clean_up"),
    "archive.results": ("read_result",),
    "errors": (
        "ContentError",
        "OutputError",
        "PortproofError",
        "Problem",
        "TemplateError",
        "UsageError",
    ),
    "exitcodes": ("ExitCode",),
    "inventory.read": ("read_inventory",),
    "model.hosts": ("Host", "Inventory"),
    "model.observation": ("Reason",),
    "model.verdicts": ("Verdict",),
    "policy.checks": ("Check",),
    "policy.policy": ("Policy",),
    "result.result": ("AuditResult", "HostResult"),
}
"""The names of the public API, by the module each is imported from."""


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
        for module, names in _MODULES.items():
            if name in names:
                return getattr(import_module(f"portproof.{module}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
