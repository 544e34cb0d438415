# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tokens a child knows."""

from __future__ import annotations

from ansible_collections.raftops.nomad.plugins.module_utils._fleet.childenv import child

GIVEN = {
    "PATH": "/bin",
    "NOMAD_TOKEN": "general",
    "NOMAD_TOKEN_EU": "eu",
    "NOMAD_TOKEN_US": "us",
    "OWN": "own",
    "OTHER": "other's",
    "AWX_ISOLATED_DATA_DIR": "/x",
}


def test_a_child_has_its_own_token_and_no_other() -> None:
    made = child(GIVEN, "own", ["OWN", "OTHER"], {"MORE": "1"})
    assert made["NOMAD_TOKEN"] == "own" and (made["PATH"], made["MORE"]) == ("/bin", "1")
    assert [name for name, value in made.items() if value in ("general", "eu", "us", "own", "other's")] == [
        "NOMAD_TOKEN"
    ]
    assert "AWX_ISOLATED_DATA_DIR" not in made and made["ANSIBLE_CALLBACK_RESULT_FORMAT"] == "json"


def test_without_a_token_of_its_own_it_has_none() -> None:
    assert "NOMAD_TOKEN" not in child(GIVEN, "", [], {})
