# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast the disk of a server is: flushes, and conversions of stores that are made for it.

A part that cannot be measured is no failure: it is null or empty, and `error` has the sentence.
"""

from __future__ import annotations

from typing import Any, Dict

from .._disk.errors import StoreError
from .files import files, sentence
from .scratch import scratch
from .syncs import syncs
from .trial import needs, trial

NOTHING: Dict[str, Any] = {"id": "", "syncs": None, "trial": [], "error": ""}


def disk(data_dir: str, backend: str, entries: int, data_bytes: int) -> Dict[str, Any]:
    """The `disk` result of raft_disk_info. What is known of the log: its entries, and how many bytes they have.

    Conversions are tried where there is something to convert to this backend.
    """
    found = dict(NOTHING)
    try:
        here = files(data_dir)
        found["id"] = here.id
        with scratch(data_dir, needs(data_bytes)) as directory:
            found["syncs"] = syncs(directory)._asdict()
            if here.backend not in ("", backend) and entries and data_bytes:
                found["trial"] = [run._asdict() for run in trial(directory, entries, data_bytes, backend)]
    except (StoreError, OSError) as error:
        found["error"] = sentence(error, data_dir)
    return found
