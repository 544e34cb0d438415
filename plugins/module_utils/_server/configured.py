# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backend that an agent's configuration names, as a conversion asks for it: read anew, refused in its words."""

from __future__ import annotations

from typing import Callable, Optional, Sequence

from .._agent.config import load
from .._agent.errors import ConfigError
from .._disk.errors import Refused


def effective_backend(paths: Optional[Sequence[str]]) -> Optional[Callable[[], str]]:
    """What a conversion calls to know the backend that Nomad would start on, from the files as they are then.

    `paths` are the agent's -config arguments; None where there are none. The function raises Refused.
    """

    def read() -> str:
        try:
            return load.effective_backend(paths or ())
        except ConfigError as error:
            place = f"line {error.line}, column {error.column}: " if error.line else ""
            hint = error.hint or "Correct the configuration, then run the same command again."
            raise Refused(place + error.what, error.path, hint=hint) from error

    return read if paths else None
