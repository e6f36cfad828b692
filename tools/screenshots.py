"""Make the pictures of the report that the documentation shows.

    (cd tests/support/browser && npm ci)
    python tools/screenshots.py

They show samples of the tests in headless Chromium, in light and in dark, into docs/img.
The text is set in the machine's own fonts; the pictures that are checked in were made with
Debian's fonts-inter installed.
"""

import runpy
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from portproof.content.shipped import shipped
from portproof.report.contract import Theme
from portproof.report.html.page import render
from portproof.result.result import AuditResult

ROOT: Final = Path(__file__).parent.parent
IMAGES: Final = ROOT / "docs" / "img"
LOOKER: Final = ROOT / "tests" / "support" / "browser" / "run.mjs"
SAMPLES: Final = ROOT / "tests" / "renderers"
PICTURES: Final = {
    "compared": (
        "png=light:1280:1320:report-light.png",
        "png=dark:1280:1320:report-dark.png",
        "png=light:1280:1500:host.png:#host=nfs-1",
    ),
    "fleet": (
        "png=light:1280:1240:matrix.png:#view=matrix",
        "png=dark:1280:900:evidence.png:#verdict=fail&sort=-severity",
    ),
}
"""What is taken of each sample: scheme, width and height in pixels, file, and the address."""


def take(samples: dict[str, AuditResult], folder: Path) -> None:
    """Render the samples in a folder, and take their pictures."""
    wanted = []
    for name, result in samples.items():
        with (folder / f"{name}.html").open("w", encoding="utf-8") as file:
            file.writelines(render(result, Theme((shipped("reports"),))))
        wanted += [str(folder / f"{name}.html"), ",".join(PICTURES[name])]
    subprocess.run(["node", str(LOOKER), *wanted], check=True, capture_output=True, cwd=IMAGES)  # noqa: S603, S607 - our own script, by the node a developer has


def main() -> None:
    """Take the pictures and tell their sizes."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    sys.path.insert(0, str(SAMPLES))
    made = runpy.run_path(str(SAMPLES / "samples.py"))
    with tempfile.TemporaryDirectory() as folder:
        take({"compared": made["compared"](), "fleet": made["fleet"](1200, 24)}, Path(folder))
    for picture in sorted(IMAGES.glob("*.png")):
        print(f"{picture.relative_to(ROOT)}: {picture.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
