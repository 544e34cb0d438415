# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The style sheet and the pages have the same classes, and it loads nothing."""

from __future__ import annotations

import re

import pytest
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


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_what_one_reads_has_contrast_enough(dark: bool) -> None:
    """WCAG 2: 4.5 for text, 3 for what a colour alone tells apart from its ground."""
    colours = dict(re.findall(r"(--[a-z]+): (#[0-9a-f]{6})", STYLE.split("@media screen", 1)[dark]))
    texts = [("text", "back"), ("text", "card"), ("text", "badback"), ("quiet", "back"), ("quiet", "card")]
    texts += [("bad", "back"), ("bad", "badback"), ("good", "goodback"), ("warn", "warnback")]
    for ink, ground in texts:
        assert contrast(colours[f"--{ink}"], colours[f"--{ground}"]) >= 4.5, f"{ink} on {ground}"
    for mark in ("convert", "down", "leads", "bad"):
        assert contrast(colours[f"--{mark}"], colours["--back"]) >= 3, mark
