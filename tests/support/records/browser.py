# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chromium without a window: pictures of a page, its console, and how large what is in it really is."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from support.records.reading import Element, read

NAMES = ("chromium", "chromium-browser", "google-chrome")
LIMIT_S = 120
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--log-level=0")
CONSOLE = re.compile(r"CONSOLE[:(]\d+\)?\] (.*)")
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


def program() -> str:
    """The browser, "" where there is none: tests/tools/browser installs it."""
    return next(filter(None, map(shutil.which, NAMES)), "")


class Browser:
    """A browser whose profile is in a directory of its own."""

    def __init__(self, directory: Path, dark: bool = False, size: tuple[int, int] = (1280, 1600)) -> None:
        self._profile = directory / "profile"
        width, height = size
        scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
        self._options = [*OPTIONS, scheme, f"--window-size={width},{height}", f"--user-data-dir={self._profile}"]

    def _run(self, page: Path, *options: str) -> subprocess.CompletedProcess[str]:
        command = [program(), *self._options, *options, page.as_uri()]
        return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=True)

    def picture(self, page: Path, png: Path) -> None:
        """What one sees of it in a window of this size."""
        self._run(page, f"--screenshot={png}")

    def printed(self, page: Path, pdf: Path) -> None:
        """What comes out of a printer."""
        self._run(page, "--no-pdf-header-footer", f"--print-to-pdf={pdf}")

    def console(self, page: Path) -> list[str]:
        """What is in the console when it is shown: errors, and what the page's own policy has refused."""
        told = self._run(page, "--enable-logging=stderr", "--dump-dom").stderr
        return CONSOLE.findall(told)

    def parsed(self, page: Path) -> Element:
        """The page as the browser has understood it."""
        return read(self._run(page, "--dump-dom").stdout)

    def measured(self, page: Path, script: str) -> Any:
        """The value of an expression of JavaScript in a copy of the page, whose own policy would let none run."""
        told = f"<script>document.title = JSON.stringify({script})</script></body>"
        copy = page.with_name(f"measured-{page.name}")
        copy.write_text(POLICY.sub("", page.read_text()).replace("</body>", told))
        return json.loads(next(self.parsed(copy).every("title")).text)
