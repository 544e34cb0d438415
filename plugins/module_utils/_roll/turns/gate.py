# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A gate: whether something may not go on. Pure."""

from __future__ import annotations

from typing import NamedTuple


class Gate(NamedTuple):
    """Whether something may not go on, and why in a sentence."""

    refused: bool
    refusal: str


def gate(refusal: str) -> Gate:
    """Closed where there is a refusal."""
    return Gate(bool(refusal), refusal)
