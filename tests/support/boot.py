"""How a host's Python takes in a program that is sent to it; what it says before is left out."""

from typing import Final

BOOT: Final = "import sys,zlib;b=sys.stdin.buffer;exec(zlib.decompress(b.read(int(b.readline()))))"
