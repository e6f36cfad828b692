"""What an open port looks like, with reasons an auditor can quote. Pure."""

from portproof.reading.reading import read

__all__ = ["read"]
