# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make pictures`: docs/images/*.png, from the record of a real roll: by default the last one of `make demo`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from support.paths import BUILD, DOCS
from support.records.browser import Browser

REPORTS = BUILD / "demo/reports"
IMAGES = DOCS / "images"
MAX_LEN = 150_000
PLAN = (
    "<style>main > :not(.said), .said h2, .said h3, .said pre ~ pre { display: none } main { padding: 12px }</style>"
    "</head>"
)
PICTURES = {"record.png": (False, 640, ""), "record-dark.png": (True, 640, ""), "plan.png": (False, 150, PLAN)}
"""By name: whether it is dark, its height, and what is added to the page, to show only a part of it."""
WIDTH = 1080


def take(page: Path, name: str, directory: Path) -> int:
    """Take one picture; its size in bytes."""
    dark, height, added = PICTURES[name]
    copy = directory / f"{name}.html"
    copy.write_text(page.read_text().replace("</head>", added) if added else page.read_text())
    Browser(directory, dark, (WIDTH, height)).picture(copy, IMAGES / name)
    return (IMAGES / name).stat().st_size


def main() -> int:
    """The exit code: 1 where there is no record, or a picture is too large for a README."""
    reports = Path(sys.argv[1]) if len(sys.argv) > 1 else REPORTS
    pages = sorted(reports.glob("migrate-*.html"), key=lambda path: path.stat().st_mtime)
    if not pages:
        print(f"There is no record of a roll in {reports}: make demo leaves one.", file=sys.stderr)
        return 1
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        sizes = {name: take(pages[-1], name, Path(directory)) for name in PICTURES}
    for name, size in sizes.items():
        print(f"{IMAGES / name}: {size} bytes{', which is too large' if size > MAX_LEN else ''}")
    return int(max(sizes.values()) > MAX_LEN)


if __name__ == "__main__":
    sys.exit(main())
