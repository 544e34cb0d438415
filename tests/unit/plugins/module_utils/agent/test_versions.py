# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of Nomad as it writes them."""

from __future__ import annotations

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.versions import too_old, untried, written


@pytest.mark.parametrize(
    ("version", "old", "new"),
    [
        ("1.11.3", True, False),
        ("2.0.0-beta.1", False, False),
        ("2.0.5+ent", False, False),
        ("2.0.6-dev", False, True),
        ("2.1.0", False, True),
        ("10.0.0", False, True),
        ("", True, False),
    ],
)
def test_a_version_is_known_too_old_or_untried(version: str, old: bool, new: bool) -> None:
    assert (too_old(version), untried(version)) == (old, new)


def test_a_version_for_people() -> None:
    assert written((2, 0, 5)) == "2.0.5"
