# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an error that an agent has logged is about its Raft store. Pure.

Judged by what is known: every ERROR line of raft 1.7.3 and raft-wal 0.4.2, and of Nomad 2.0.5 those about Raft, are in
the tests' list, with their places in the sources. raft-boltdb logs nothing and Nomad gives bbolt no logger: they panic,
or raft tells their error. A line that is not known is for a person to judge: it converts nobody back.
"""

from __future__ import annotations

import re
from typing import Pattern

STORE, HARMLESS, UNKNOWN, OTHER = "store", "harmless", "unknown", ""

# Loggers that only what keeps the store uses; raft-wal is told to name itself nomad.wal. Nomad gives the store of its
# snapshots no logger, so that one names itself.
KEEPERS = re.compile(r"nomad\.(?:wal|bolt|logstore)\b|(?:nomad\.raft\.)?snapshot$")
RAFT = re.compile(r"nomad\.raft\b")
STORE_WORDS = re.compile(r"raft|\bwal\b|log ?store|bolt", re.I)  # a message of plain `nomad` counts only with one

REFUSED_APPEND = "unable to store logs within log store"  # raft's log cache; whoever passes it on

RAFT_HARMLESS = re.compile(
    # a leader, before it sends its snapshot to a peer that is further behind
    r'failed to get log: .*\berror="?log not found'
    # asked for a snapshot too soon after the last one, or after a change of the peers
    r'|failed to take snapshot: error="?(?:nothing new to snapshot|cannot take snapshot now)'
    # a peer that cannot be reached, such as the server that was down before this one, or has another opinion
    r"|failed to (?:appendEntries|heartbeat|pipeline appendEntries|start pipeline replication)\b"
    r"|failed to (?:make request\w*Vote RPC|make TimeoutNow RPC|send snapshot to|install snapshot)"
    r"|failed to receive whole snapshot|peer has newer term|target does not support pre-vote"
    r"|got unexpected command|expected heartbeat, got"
    # a connection that has ended
    r"|failed to (?:accept connection|decode incoming command|flush response)"
)
RAFT_STORE = re.compile(
    r"failed to (?:append to logs|commit logs|clear log suffix|remove old logs|reset logs|compact logs|get log\b"
    r"|get last log index|get last vote|persist vote|take snapshot|create snapshot|finalize snapshot|list snapshots"
    r"|open snapshot|restore snapshot)"
)
NOMAD_HARMLESS = re.compile(
    r"skipping adding Raft peer|failed to (?:add|remove) raft (?:peer|server)|failed to remove ourself as raft peer"
    r"|failed to check raft peers|failed to get raft configuration|failed to read server raft versions"
)
NOMAD_STORE = re.compile(
    r"failed to start Raft|failed to open WAL log store|failed to close Raft store|failed to read last raft index"
    r"|raft logstore verifier: failed"
)


def judge(source: str, text: str) -> str:
    """STORE, HARMLESS or UNKNOWN for an error of this logger; OTHER if it has nothing to do with Raft."""
    if KEEPERS.match(source) or (source == "agent" and text.startswith("error starting agent")):
        return STORE
    if RAFT.match(source):
        return _of(text, RAFT_HARMLESS, RAFT_STORE)
    if source == "nomad" and (STORE_WORDS.search(text.split(": ", 1)[0]) or REFUSED_APPEND in text):
        return _of(text, NOMAD_HARMLESS, NOMAD_STORE)
    return OTHER


def _of(text: str, harmless: Pattern[str], store: Pattern[str]) -> str:
    if REFUSED_APPEND in text:
        return STORE
    if harmless.match(text):
        return HARMLESS
    return STORE if store.match(text) else UNKNOWN
