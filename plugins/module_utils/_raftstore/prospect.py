# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a conversion would need and what it would be refused with, for raft_store_info. Reads only.

No rule of the conversion is written twice: it goes as far as its first step itself, in check mode, and says what it
found. Space is estimated by it too, and only for a store that was not read.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, Dict, NamedTuple, Optional, Sequence

from .._disk.errors import StoreError, unreadable
from .._text.sizes import human
from .base.store import WAL
from .conversion.outcome import Outcome
from .conversion.preflight import check_request, prepare
from .conversion.request import Request
from .conversion.run import Run
from .directory.evidence import Evidence
from .directory.observe import Found
from .migrate import planned

UNREAD = (
    "The server is running, so its store was not read. Whether its log can be converted is unknown until it is "
    "stopped. As raft.db is now, that takes at most {}, and {} are free."
)
UNREAD_BOTH = (
    "There are both raft.db and wal/, and the server is running: which one is complete is unknown until it is stopped."
)


class Prospect(NamedTuple):
    """The space that the conversion asks for, as in Outcome, and why it is refused, "" if it is not.

    `unread`: there are two stores in use, and nothing was compared.
    """

    required_bytes: Optional[int]
    estimated_bytes: Optional[int]
    refusal: str
    unread: bool


def prospects(
    request: Request, asked: Optional[str], found: Found, evidence: Evidence, notes: Sequence[str]
) -> Dict[str, Any]:
    """Those results of raft_store_info that are about a conversion: to WAL, and to the backend `asked`, if any.

    `notes` is what is unusual in the store. What rules a conversion out is a result, not an error.
    """
    to_wal = _prospect(replace(request, backend=WAL), found, evidence)
    wanted = to_wal if asked in (WAL, None) else _prospect(replace(request, backend=asked), found, evidence)
    available = found.raft.free_bytes()
    problems = [*notes, *([UNREAD_BOTH] if to_wal.unread else []), *([to_wal.refusal] if to_wal.refusal else [])]
    if to_wal.required_bytes is None and to_wal.estimated_bytes is not None:
        problems.append(UNREAD.format(human(to_wal.estimated_bytes), human(available)))
    return {
        "required_bytes": to_wal.required_bytes,
        "available_bytes": available,
        "migratable": not to_wal.refusal,
        "problems": problems,
        "refusal": wanted.refusal if asked else "",
        "estimated_bytes": wanted.estimated_bytes if asked else None,
    }


def _prospect(request: Request, found: Found, evidence: Evidence) -> Prospect:
    """Go as far as the conversion does before its first step."""
    run: Optional[Run] = None
    outcome, refusal, unread = Outcome(), "", False
    try:
        check_request(request)
        run, state = planned(request, found, evidence, time.time)
        outcome, unread = run.outcome, state == "both" and not evidence.relation
        prepare(run)
    except StoreError as error:
        refusal = str(error)
    except OSError as error:
        refusal = str(unreadable(error, request.data_dir))
    finally:
        if run is not None:
            run.close()
    return Prospect(outcome.required_bytes, outcome.estimated_bytes, refusal, unread)
