# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cleanup says of old stores: how old the youngest is, before it asks, and what has gone, at its end. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any, List, Mapping, Optional, Sequence

from ..._text.lines import wrapped
from ..._text.sizes import age, human
from ..options import Options
from ..server import Server

Servers = Sequence[Server]
STAMP = re.compile(r"\.migrated\.(\d{8}-\d{6})")
YOUNG_S = 3 * 86400.0


def youngest(servers: Servers, now: float) -> List[str]:
    """Lines on the youngest of the old stores that would go; none without one. `now` is seconds since 1970."""
    names = [name for one in servers for name in (one.old_stores or {}).get("removed", ())]
    made = [at for at in map(_made, names) if at is not None]
    if not made:
        return []
    old_s = max(now - max(made), 0.0)
    keep = " Keep old stores for some days, as evidence." if old_s < YOUNG_S else ""
    return wrapped(
        f"The youngest store to be removed was made {age(old_s)} ago.{keep} rollback does not need them.", ""
    )


def _made(name: str) -> Optional[float]:
    """The time in the name, which is UTC; None where it is no time."""
    found = STAMP.search(name)
    try:
        at = datetime.strptime(found.group(1), "%Y%m%d-%H%M%S") if found else None
    except ValueError:
        return None
    return at.replace(tzinfo=timezone.utc).timestamp() if at else None


def goes(old: Mapping[str, Any]) -> bool:
    """Whether any of these old stores and snapshots goes, or has gone."""
    return bool(old["removed"] or old.get("removed_snapshots"))


def closing(servers: Servers, options: Options) -> List[str]:
    """The end of a cleanup, from what was removed; nothing where it was a rehearsal, or had nothing to do."""
    done = [one.old_stores for one in servers if one.old_stores]
    if options.check_mode or not any(map(goes, done)):
        return []
    stays = [
        _newest(options.keep_backups, "old store") if any(one["kept"] for one in done) else "",
        _newest(options.keep_snapshots, "snapshot") if any(one.get("kept_snapshots") for one in done) else "",
    ]
    kept = " and ".join(filter(None, stays))
    told = f" Kept on each server: {kept}." if kept else ""
    return wrapped(f"Removed {human(sum(one['freed_bytes'] for one in done))}.{told} Nothing more to do.", "")


def _newest(count: int, what: str) -> str:
    return f"the newest {what}" if count == 1 else f"the newest {count} {what}s"
