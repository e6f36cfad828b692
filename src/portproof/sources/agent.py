"""What is sent to a host's Python: the agent's source, and what it is to do.

The source is one text, the same for every host and every question. It is a Python program that
holds the modules of ``portproof.agent`` as they are in the repository; ``agent.loader`` is its
beginning. Nothing else of portproof's is run by a Python on a host, but for ``BOOT``.
"""

import hashlib
import json
import zlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

BOOT: Final = "b=sys.stdin.buffer;exec(zlib.decompress(b.read(int(b.readline()))))"
"""What a Python does with what it is sent; ``sys`` and ``zlib`` have been imported."""

_LOADER: Final = "loader"


@cache
def modules() -> dict[str, str]:
    """Return the source of every module that is sent, by its name."""
    folder = files("portproof.agent")
    names = sorted(each.name for each in folder.iterdir() if each.name.endswith(".py"))
    return {
        name.removesuffix(".py"): folder.joinpath(name).read_text(encoding="utf-8")
        for name in names
    }


@cache
def source() -> str:
    """Return the program that a host's Python runs, in ASCII."""
    return joined(modules())


def joined(sources: Mapping[str, str]) -> str:
    """Join the loader and other modules to one program, each module as it is."""
    held = [
        f"SOURCES[{name!r}] = r'''{text}'''\n" for name, text in sources.items() if name != _LOADER
    ]
    return "\n".join([sources[_LOADER], "", "SOURCES = {}", *held, "start(SOURCES)\n"])


@cache
def sha256() -> str:
    """Return the SHA-256 of ``source``, which stands in the evidence of what it brought back."""
    return hashlib.sha256(source().encode("ascii")).hexdigest()


def program(request: Mapping[str, object], text: str | None = None) -> bytes:
    """Return what is sent to a Python that runs ``BOOT``, all but the last line.

    Args:
        request: What is to be done, as ``agent.main`` describes it.
        text: A program in place of ``source``.
    """
    agent = _packed_source() if text is None else _packed(text.encode("ascii"))
    return agent + _packed(json.dumps(request).encode("ascii"))


@cache
def _packed_source() -> bytes:
    return _packed(source().encode("ascii"))


def _packed(document: bytes) -> bytes:
    packed = zlib.compress(document, 9)
    return b"%d\n%s" % (len(packed), packed)
