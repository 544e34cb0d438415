# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether Go accepts a text as a duration, as Nomad checks when it starts (time.ParseDuration). Pure."""

from __future__ import annotations

import re
from fractions import Fraction

_NANOSECONDS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9}
_NANOSECONDS["h"] = 60 * _NANOSECONDS["m"]
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_WHOLE = re.compile(rf"[+-]?(?:0|(?:{_PART.pattern})+)")
_LONGEST_NS = (1 << 63) - 1
_MAX_LEN = 100  # characters; more than any duration that a person writes


def is_duration(text: str) -> bool:
    """True for "5m", "1h30m", "-1.5h" or "0"; False for "5", "5 m", and for more than 292 years."""
    if len(text) > _MAX_LEN or not _WHOLE.fullmatch(text):
        return False
    parts = (Fraction("0" + number.rstrip(".")) * _NANOSECONDS[unit] for number, unit in _PART.findall(text))
    return sum(parts) <= _LONGEST_NS
