# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs generated agents one after the other against one judge; makes the first failure small before it reports it."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from support.agents.cases import agent, described
from support.agents.check import Examination
from support.agents.choices import Choices, shrink
from support.paths import MEMORY
from support.stores.judge import Agents


def run_shard(seed: str, numbers: Iterable[int], tmp_path: Path) -> Counter[str]:
    """How the cases went. Raises AssertionError with the seed and the smallest failing case."""
    counts: Counter[str] = Counter()
    root = Path(tempfile.mkdtemp(dir=MEMORY or tmp_path))
    try:
        with Agents() as agents:
            for number in numbers:
                choices = Choices(f"{seed}/{number}")
                failure = failure_of(choices, root, agents, counts)
                if failure:
                    smallest = shrink(choices.drawn, lambda tape: bool(failure_of(Choices(tape=tape), root, agents)))
                    case = described(agent(Choices(tape=smallest)), smallest)
                    failure = failure_of(Choices(tape=smallest), root, agents)
                    raise AssertionError(f"AGENT_SEED={seed} case {number}: {failure}\n{case}")
    finally:
        shutil.rmtree(root)
    return counts


def failure_of(choices: Choices, root: Path, agents: Agents, counts: Counter[str] | None = None) -> str:
    """What is wrong with the case that these choices make; "" when nothing is. Anything raised is a failure."""
    where = root / "case"
    shutil.rmtree(where, ignore_errors=True)
    try:
        found = Examination(agent(choices), where, agents, choices).run()
    except Exception as error:  # a traceback of ours is what this looks for, too
        return f"{type(error).__name__}: {error}"
    if counts is not None:
        counts.update(found)
    return ""
