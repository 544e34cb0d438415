# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record's page in a real browser: nothing in its console, nothing cut off, for 1 to 80 servers, light and dark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._record.build import build
from ansible_collections.raftops.nomad.plugins.module_utils._record.page.page import page
from support.lacking import lacks
from support.records import stories
from support.records.browser import Browser, program
from support.records.reading import read

pytestmark = pytest.mark.long
STORIES: dict[str, list[dict[str, Any]]] = {
    "one": stories.roll(1),
    "three": stories.roll(3),
    "forty": stories.roll(40),
    "eighty": stories.roll(80),
    "lost": stories.lost(),
    "resumed": stories.resumed(),
    "nothing": [],
    **{stage: stories.failed(stage) for stage in stories.STAGES},
}
# Bars that are outside of their track; parts of the page wider than it, but for what scrolls by itself.
BARS = """[...document.querySelectorAll(".track")].flatMap(track => {
  const around = track.getBoundingClientRect();
  return [...track.querySelectorAll("i:not(.tick)")].map(bar => bar.getBoundingClientRect())
    .filter(bar => bar.left < around.left - 1 || bar.right > around.right + 3 || bar.width < 1.5 || bar.height < 1)
    .map(bar => bar.left);
})"""
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
CUT = """[...document.querySelectorAll(".lane .name, .lane .end, .figure b")]
  .filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.textContent)"""
LANES = """[...document.querySelectorAll("ol")].map(list => [...list.querySelectorAll("li")]
  .map(lane => lane.getBoundingClientRect().height))"""
OVERLAP = """[...document.querySelectorAll(".axis .track")].flatMap(axis => {
  const shown = [...axis.querySelectorAll("span")].map(one => one.getBoundingClientRect()).filter(one => one.width);
  return shown.filter((one, at) => at && one.left < shown[at - 1].right).map(one => one.left);
})"""
COLOUR = "getComputedStyle(document.body).backgroundColor"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    if not program():
        lacks("no Chromium here: tests/tools/browser installs it")
    return tmp_path


def written(directory: Path, name: str) -> Path:
    path = directory / "record.html"
    path.write_text(page(build("CHG-1", STORIES[name])))
    return path


@pytest.mark.parametrize("name", STORIES)
def test_it_opens_without_a_word_in_the_console_and_as_it_was_written(name: str, here: Path) -> None:
    path, browser = written(here, name), Browser(here)
    assert browser.console(path) == []
    assert browser.parsed(path).text == read(path.read_text()).text


def test_the_console_is_heard_and_no_script_runs(here: Path) -> None:
    path = written(here, "three")
    path.write_text(path.read_text().replace("</main>", "<script>document.title = 'run'</script></main>"))
    (told,) = Browser(here).console(path)
    assert "Content Security Policy" in told
    assert "run" not in next(Browser(here).parsed(path).every("title")).text


@pytest.mark.parametrize("width", [400, 1080, 1280, 1920])
@pytest.mark.parametrize("name", ["one", "three", "forty", "eighty", "lost", "resumed", "start"])
def test_nothing_is_cut_off_or_out_of_its_place(name: str, width: int, here: Path) -> None:
    path, browser = written(here, name), Browser(here, size=(width, 1200))
    assert browser.measured(path, BARS) == []
    assert browser.measured(path, WIDE) <= 0
    assert browser.measured(path, CUT) == []
    assert browser.measured(path, OVERLAP) == []


def test_lanes_of_eighty_are_low_but_there(here: Path) -> None:
    for name, height in (("three", 24), ("forty", 15), ("eighty", 10)):
        for lanes in Browser(here).measured(written(here, name), LANES):
            assert lanes and all(height <= lane <= 28 for lane in lanes)


def test_it_is_as_light_or_dark_as_its_reader_wants(here: Path) -> None:
    path = written(here, "three")
    assert Browser(here).measured(path, COLOUR) == "rgb(255, 255, 255)"
    assert Browser(here, dark=True).measured(path, COLOUR) == "rgb(16, 21, 28)"


@pytest.mark.parametrize(("name", "pages"), [("three", 4), ("eighty", 25)])
def test_it_can_be_printed(name: str, pages: int, here: Path) -> None:
    path = written(here, name)
    Browser(here, dark=True).printed(path, here / "record.pdf")
    content = (here / "record.pdf").read_bytes()
    assert content.startswith(b"%PDF-") and 1 <= content.count(b"/Type /Page\n") <= pages
