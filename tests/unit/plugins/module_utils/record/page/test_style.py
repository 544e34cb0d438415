# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The style sheet and the pages have the same classes, and it loads nothing."""

from __future__ import annotations

import re

from ansible_collections.raftops.nomad.plugins.module_utils._record.build import build
from ansible_collections.raftops.nomad.plugins.module_utils._record.page.page import page
from ansible_collections.raftops.nomad.plugins.module_utils._record.page.style import STYLE
from support.records import stories
from support.records.reading import read

OWN = {"s-backend", "s-look", "said"}  # as other steps; for make pictures


def test_each_class_has_a_style_and_each_style_a_class() -> None:
    all_of_them = [stories.roll(n) for n in (3, 12, 41)] + [stories.failed(stage) for stage in stories.STAGES]
    all_of_them += [stories.lost(), stories.resumed(), stories.roll()[:9]]
    used = {name for events in all_of_them for one in read(page(build("x", events))).every() for name in one.classes}
    styled = set(re.findall(r"\.([a-z][a-z-]*)(?=[ ,.:{>])", re.sub(r"\{[^{}]*\}", "{}", STYLE)))
    assert used - styled - OWN == set()
    assert styled - used == {"s-return", "s-release", "s-down"}, "the stories have none of these steps"


def test_each_colour_is_there_for_light_and_dark() -> None:
    light, dark = (set(re.findall(r"(--[a-z]+): #", part)) for part in STYLE.split("@media screen", 1))
    assert light == dark and set(re.findall(r"var\((--[a-z]+)\)", STYLE)) == light


def test_nothing_is_loaded() -> None:
    assert not re.search(r"url\(|@import|http", STYLE)
