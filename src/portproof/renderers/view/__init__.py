"""What the HTML report shows, worked out from a result: pure functions and plain values."""

from portproof.renderers.view.report import Report, view

__all__ = ["Report", "view"]
