# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/record.md and the record: every name of the schema is explained, and none that there is not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._record.build import NEXT, SCHEMA, build
from ansible_collections.raftops.nomad.plugins.module_utils._record.stats import stats
from ansible_collections.raftops.nomad.plugins.module_utils._record.timeline import STEPS
from support.paths import DOCS
from support.records import stories

PAGE = (DOCS / "record.md").read_text()


def everything() -> list[dict[str, Any]]:
    """Records that have all there can be."""
    story = stories.Story()
    stories.began(story)
    stories.planned(story, stories.names(3))
    earlier = {"sentence": "It has ended.", "began": "2026-11-25", "origin": "a"}
    stories.worked(
        story, "nomad-2", 0, failed=True, left="down", step="start", barred_by="/run/x.conf", earlier=earlier
    )
    story.note("removed", server="nomad-2", removed=["a"], kept=[], freed_bytes=1)
    story.note("failed", server="nomad-2", message="no", again="no")
    return [build("x", events) for events in (stories.roll(), stories.lost(), stories.failed("start"), story.events)]


RECORDS = everything()
SECTIONS: Mapping[str, list[Mapping[str, Any]]] = {
    "## The schema": RECORDS,
    "### A run": [run for record in RECORDS for run in record["runs"]],
    "### A server": [row for record in RECORDS for row in record["servers"]],
}


@pytest.mark.parametrize("section", SECTIONS)
def test_each_name_is_explained(section: str) -> None:
    text = re.split(r"(?m)^###? ", PAGE.partition(f"{section}\n")[2])[0]
    first = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    named = re.findall(r"`(\w+)`", " ".join(first))
    assert sorted(named) == sorted({name for one in SECTIONS[section] for name in one})


def test_the_rest_is_explained() -> None:
    names = [*NEXT, *STEPS, "unfinished"]
    (short,) = stats(RECORDS[0])["data"].values()
    names += [name for name in short if name not in ("schema", "name", "backend", "runs")]
    assert [name for name in names if f"`{name}`" not in PAGE] == []
    assert f"`schema` is {SCHEMA}." in PAGE
    holds = {name for record in RECORDS for run in record["runs"] for one in run["holds"] for name in one}
    assert [name for name in holds if f"`{name}`" not in PAGE] == []
