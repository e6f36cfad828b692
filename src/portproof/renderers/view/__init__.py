"""What the HTML report shows, worked out from a result: pure functions and plain values."""

from portproof.renderers.view.data import document
from portproof.renderers.view.report import Report, view
from portproof.renderers.view.roster import Roster

__all__ = ["Report", "Roster", "document", "view"]
