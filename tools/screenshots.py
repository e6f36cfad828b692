"""Make the pictures of the report that the documentation shows.

    (cd tests/browser && npm ci)
    python tools/screenshots.py

They show the mixed sample of the tests in headless Chromium, in light and in dark, into docs/img.
The text is set in the machine's own fonts; the pictures that are checked in were made with
Debian's fonts-inter installed.
"""

import runpy
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from portproof.content import shipped
from portproof.renderers.contract import Theme
from portproof.renderers.html import FILE, render

ROOT: Final = Path(__file__).parent.parent
IMAGES: Final = ROOT / "docs" / "img"
LOOKER: Final = ROOT / "tests" / "browser" / "run.mjs"
WIDTH: Final = 1280
HEIGHT: Final = 1320


def take(report: Path) -> list[Path]:
    """Take a picture of a report in each colour scheme."""
    pictures = {scheme: IMAGES / f"report-{scheme}.png" for scheme in ("light", "dark")}
    wanted = ",".join(f"png={scheme}:{WIDTH}:{HEIGHT}:{file}" for scheme, file in pictures.items())
    subprocess.run(["node", str(LOOKER), str(report), wanted], check=True, capture_output=True)  # noqa: S603, S607 - our own script, by the node a developer has
    return list(pictures.values())


def main() -> None:
    """Render the mixed sample and take its pictures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    mixed = runpy.run_path(str(ROOT / "tests" / "renderers" / "results.py"))["mixed"]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / FILE
        with report.open("w", encoding="utf-8") as file:
            file.writelines(render(mixed(), Theme((shipped("reports"),))))
        for picture in take(report):
            print(f"{picture.relative_to(ROOT)}: {picture.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
