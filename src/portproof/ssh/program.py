"""The program for a host's Python: as source for any, and compiled for one of our own version.

Compiling it takes a fifth of the CPU time that a look takes on a host. All final releases of one
minor version of CPython share their bytecode, and others do not: what is compiled is sent to a host
only when both sides name the same ``sys.implementation.cache_tag`` (PEP 3147) and are final.
"""

import marshal
import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import CodeType
from typing import Final

OURS: Final = f"{sys.implementation.cache_tag}:{sys.version_info.releaselevel}"
"""Which bytecode this Python has, as a host names its own when it is ready."""

_FINAL: Final = ":final"
_NO_DOCSTRINGS: Final = 2


@dataclass(frozen=True, slots=True)
class Program:
    """``runner`` with what it is to do, in both forms, as a host reads it but for the last line."""

    source: bytes
    compiled: bytes

    @classmethod
    def of(cls, entry: str, ask: Mapping[str, object], **parts: str) -> "Program":
        """Make a program.

        Args:
            entry: The function of ``runner`` to call.
            ask: What it is called with.
            parts: More of that: sources which it runs itself.
        """
        text = f"{_runner()}\n\n{entry}({dict(ask) | parts!a}, b.readline())\n"
        code = {name: _compiled(part) for name, part in parts.items()}
        packed = zlib.compress(marshal.dumps((_compiled(_runner()), dict(ask) | code)), 9)
        start = (
            f"import marshal\ncode, ask = marshal.loads(zlib.decompress(b.read({len(packed)})))\n"
            f"exec(code)\n{entry}(ask, b.readline())\n"
        )
        return cls(_read_by_boot(text), _read_by_boot(start) + packed)

    def of_version(self, code: str) -> bytes:
        """The form for a Python that names its bytecode so."""
        return self.compiled if code == OURS and code.endswith(_FINAL) else self.source


def _read_by_boot(text: str) -> bytes:
    packed = zlib.compress(text.encode("ascii"), 9)
    return b"%d\n%s" % (len(packed), packed)


@cache
def _compiled(text: str) -> CodeType:
    return compile(text, "portproof", "exec", dont_inherit=True, optimize=_NO_DOCSTRINGS)


@cache
def _runner() -> str:
    return files("portproof.agent").joinpath("runner.py").read_text(encoding="utf-8")
