# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on one host's disk, for raft_store_info. Reads only."""

from __future__ import annotations

from typing import Any, Dict


def describe(data_dir: str, digest: bool = False, verify: bool = False) -> Dict[str, Any]:
    """The `raft_store` result of raft_store_info, every key of its RETURN (`digest` only when asked for).

    A store in use is reported with `in_use` true and null numbers; with `digest` or `verify` it raises InUse. Other
    raises: Refused when there is no Raft directory below `data_dir`; Corrupt from `verify` and `digest`.
    """
    raise NotImplementedError
