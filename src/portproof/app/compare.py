"""Compare two audits."""

from dataclasses import dataclass
from pathlib import Path

from portproof.app.history import changes_since
from portproof.archive.results import read_result
from portproof.exitcodes import ExitCode
from portproof.result.changes import Changes
from portproof.result.result import AuditResult


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed between two audits.

    Attributes:
        old: The result of the earlier audit.
        new: The result of the later audit.
        changes: What changed in between.
    """

    old: AuditResult
    new: AuditResult
    changes: Changes

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of ``portproof diff``: 2 if the later audit judged nothing."""
        return self.changes.exit_code if self.new.totals.judged else ExitCode.ERROR


def compare(old: Path, new: Path) -> Comparison:
    """Compare the audits in two folders.

    Raises:
        ContentError: a folder is half written, edited or damaged, or is not that of an audit.
    """
    before, after = read_result(old), read_result(new)
    return Comparison(before, after, changes_since(before, after, old))
