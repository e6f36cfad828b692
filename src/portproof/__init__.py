"""portproof: declare which ports must be closed, and prove it on every host."""

__version__ = "0.1.0"
