# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole page, from the record that is in NAME.json. Pure."""

from __future__ import annotations

from typing import Any, Mapping

from . import latency, story, tables
from .style import STYLE
from .text import Html, clock, element, join, section

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"  # no script, nothing from elsewhere, whatever is in a name


def page(record: Mapping[str, Any]) -> str:
    """One file of HTML: the end first, then what failed, the figures, the timeline, and all else for whoever asks."""
    title = f"{story.heading(record)}: {story.OUTCOMES[record['outcome']][0]}"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", Html(STYLE)),
    )
    main = element(
        "main",
        element("header", story.head(record)),
        story.failures(record),
        story.figures(record),
        section("Timeline", story.runs(record)),
        section("Servers", tables.servers(record)),
        section("Commit latency, before and after", latency.table(record)),
        section("Warnings and notes", story.warnings(record)),
        section("Left on the servers", tables.kept(record)),
        section("Snapshots, which contain the keyring", tables.snapshots(record)),
        section("As it was said", story.plans(record), class_="said"),
        section("Made with", story.versions(record)),
        _foot(record),
    )
    return join([Html("<!DOCTYPE html>\n"), element("html", head, element("body", main), lang="en"), Html("\n")])


def _foot(record: Mapping[str, Any]) -> Html:
    told = f"{record['name']}, up to {clock(record['written'])}. The same as data: {record['name']}.json."
    return element("footer", f"{told} Times are UTC, of the machine that ran Ansible, but those out of the cluster.")
