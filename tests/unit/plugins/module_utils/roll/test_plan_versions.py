# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plan says of versions of Nomad."""

from __future__ import annotations

from ansible_collections.raftops.nomad.plugins.module_utils._roll.plan import plan
from support.rolls.servers import ME, led

DONE = {name: {"todo": False, "rank": 1} for name in ("s1", "s2", "s3")}


def test_a_nomad_newer_than_all_that_were_tried_is_a_note() -> None:
    for version, newer in ("2.0.5", False), ("2.0.5+ent", False), ("2.0.6", True), ("2.1.0-beta.1", True), ("", False):
        made = plan(led(s2={"version": version, "up": bool(version), "ours": True, "role": "follower"}), ME)
        notes = [note for note in made.notes if "this collection was tried with Nomad up to 2.0.5, and s2 runs" in note]
        assert bool(notes) is newer, version
    done = led(**{**DONE, "s2": {**DONE["s2"], "version": "2.1.0"}})
    assert plan(done, ME).notes == [], "nothing is done there"
