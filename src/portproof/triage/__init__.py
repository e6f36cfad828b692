"""Say what an open port looks like, with reasons an auditor can quote. Pure."""

from portproof.triage.classify import read

__all__ = ["read"]
