# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make screens`: what an operator sees, taken from a real terminal, into docs/screens*.md. As root; needs tmux.

NOMAD_BIN names a real Nomad; without it, it is the lab server.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

from screens import place, story
from screens.normal import broken
from screens.page import page
from support.paths import BUILD, DOCS

PAGES = {80: "screens.md", 120: "screens-wide.md"}
KEPT = BUILD / "screens"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--columns", type=int, choices=PAGES, nargs="*", default=list(PAGES))
    parser.add_argument("--report", action="store_true", help="only write the pages, from what was taken last")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def kept(columns: int) -> Path:
    return KEPT / f"{columns}.json"


def take(columns: int) -> None:
    """Keep all screens of this width, as they are."""
    found = []
    KEPT.mkdir(exist_ok=True)
    for screen in story.told(columns):
        rows = broken(screen.lines, columns)
        print(f"{columns} columns: {screen.title}: {len(rows)} lines, exit code {screen.code}", flush=True)
        found.append(screen._asdict())
        kept(columns).write_text(json.dumps(found, indent=1))


def write(columns: int) -> None:
    screens = [story.Screen(**screen) for screen in json.loads(kept(columns).read_text())]
    others = [f"[{name}]({name}) has {number} columns." for number, name in PAGES.items() if number != columns]
    (DOCS / PAGES[columns]).write_text(page(screens, columns, " ".join(others)))


def main() -> None:
    options = arguments()
    if not options.report and not options.inside:
        if not shutil.which("tmux"):
            sys.exit("tmux is not there: apt-get install tmux")
        place.enter("-m", "screens.take", *sys.argv[1:], "--inside")
    if not options.report:
        with place.furnished():
            for columns in options.columns:
                take(columns)
    for columns in options.columns:
        write(columns)


if __name__ == "__main__":
    main()
