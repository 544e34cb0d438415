# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd says of an agent's unit: where its configuration is, how it is stopped. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple, Tuple

PROPERTIES = "ExecStart,ExecStop,KillSignal"

_CONFIG = re.compile(r"-config[= ]([^ ;]+)")
_SIGNAL = re.compile(r"^KillSignal=([0-9]+)$", re.M)
_NOT_LITERAL = re.compile(r"[\"'$\\]")  # quotes, variables, escapes: systemd would read them, this code does not


class Unit(NamedTuple):
    """The -config arguments of its ExecStart=, and the signal that stops it (0: an ExecStop= may send any)."""

    config_paths: Tuple[str, ...] = ()
    signal: int = 0

    @property
    def literal(self) -> bool:
        """Whether the arguments stand there as the agent gets them."""
        return not any(_NOT_LITERAL.search(path) for path in self.config_paths)


def parse(shown: str) -> Unit:
    """The unit, from what `systemctl show --property=PROPERTIES` prints."""
    found = _SIGNAL.search(shown)
    signal = int(found.group(1)) if found and "ExecStop={" not in shown else 0
    return Unit(tuple(_CONFIG.findall(shown)), signal)
