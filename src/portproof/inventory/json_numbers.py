"""``Infinity`` and ``NaN``, which Ansible's JSON has and JSON does not.

A value such as ``git_sha=72e1841`` in an INI file is a number to Ansible, and an infinite one.
"""

import re
from typing import Final

MARK: Final = "portproof_number"
"""The key of an object that stands for such a number."""

_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|-?Infinity|NaN')


def with_marked_numbers(output: bytes | bytearray) -> bytes | bytearray:
    """Return JSON in which each of these numbers is an object with its text under ``MARK``."""
    if b"Infinity" not in output and b"NaN" not in output:
        return output
    return _TOKEN.sub(_marked, output)


def _marked(found: re.Match[bytes]) -> bytes:
    text = found[0]
    return text if text.startswith(b'"') else b'{"%b":"%b"}' % (MARK.encode(), text)
