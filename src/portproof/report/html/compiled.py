"""Cache the compiled templates where Python caches compiled modules.

Compiling them takes longer than importing Jinja. The cache is as trustworthy as Python's own
``.pyc`` files: it is beside them, and whoever can write there can replace the program too.
"""

import contextlib
import hashlib
import sys
from pathlib import Path
from typing import Final

import jinja2
from jinja2.bccache import Bucket

_BESIDE: Final = Path(__file__).with_name("__pycache__")


class Kept(jinja2.FileSystemBytecodeCache):
    """Templates compiled by one release of Jinja for one purpose, each found by its source.

    Args:
        purpose: Everything besides a template's source that its code depends on.
        folder: Where the files are; where nobody may write, templates are compiled each time.
    """

    def __init__(self, purpose: bytes, folder: Path = _BESIDE) -> None:
        mark = hashlib.sha256(jinja2.__version__.encode() + b"\n" + purpose).hexdigest()[:16]
        super().__init__(str(folder), f"template-{mark}-%s.{sys.implementation.cache_tag}")

    def load_bytecode(self, bucket: Bucket) -> None:
        """Load a compiled template from its file; one that cannot be read is compiled again."""
        try:
            super().load_bytecode(bucket)
        except Exception:  # noqa: BLE001 - a truncated file breaks pickle in many ways
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Store a compiled template, unless Python must not or cannot write compiled code."""
        if not sys.dont_write_bytecode:
            with contextlib.suppress(OSError):
                super().dump_bytecode(bucket)
