# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a server has the Raft configuration that its leader has. Pure.

A server that Nomad has recovered from a peers.json, or whose disk is that of an older time, may know only itself as
voter while the leader goes on calling it a healthy one of three. It then elects itself as soon as it hears from nobody,
and what the others have acknowledged since is gone.
"""

from __future__ import annotations

from typing import Iterable, Tuple

Peers = Iterable[Tuple[str, str, bool]]
"""Raft ID, address, and whether it is a voter, of each server of a Raft configuration."""


def difference(own: Peers, leaders: Peers) -> str:
    """What is other in a server's own Raft configuration than in the leader's, in words; "" when nothing is."""
    mine = {peer_id: (address, voter) for peer_id, address, voter in own}
    theirs = {peer_id: (address, voter) for peer_id, address, voter in leaders}
    if not mine:
        return "it knows no server at all"
    told = [f"it lacks {_named(one, *theirs[one])}" for one in sorted(theirs.keys() - mine.keys())]
    told += [f"it has {_named(one, *mine[one])} that the leader has not" for one in sorted(mine.keys() - theirs.keys())]
    for one in sorted(mine.keys() & theirs.keys()):
        if mine[one] != theirs[one]:
            told.append(f"it has {_named(one, *mine[one])} where the leader has {_named(one, *theirs[one])}")
    return ", ".join(told)


def _named(peer_id: str, address: str, voter: bool) -> str:
    return f"the {'voter' if voter else 'non-voter'} {peer_id} ({address})"
