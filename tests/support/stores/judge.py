# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Go program tests/judge from Python: HashiCorp's own libraries say what is in a store."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from support.paths import JUDGE

TIMEOUT_S = 300


class Content(NamedTuple):
    """What a store holds, in the words of `judge digest`; two stores with equal contents hold the same."""

    digest: str
    first_index: int
    last_index: int
    entries: int
    stable: dict[str, Any]


class Refusal(Exception):
    """The judge, that is HashiCorp's libraries, could not do it; its one line says why."""


def judge(command: str, *arguments: object) -> Any:
    """Run one command and return its JSON. Raises Refusal; without the program every test fails, none is skipped."""
    line = [str(JUDGE), command, *map(str, arguments)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if done.returncode:
        raise Refusal(done.stderr.strip())
    return json.loads(done.stdout)


class Agents:
    """One `judge agents` that answers for many agents, each at a time. Use it in a with statement."""

    def __enter__(self) -> Agents:
        line = [str(JUDGE), "agents"]
        self._process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.communicate(timeout=60)
        assert self._process.returncode == 0, "the judge has failed"

    def ask(self, arguments: list[str]) -> dict[str, Any]:
        """What Nomad would do with these -config arguments: `agentReport` of tests/judge/agentconfig.go."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(arguments) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


def content(answer: dict[str, Any]) -> Content:
    return Content(*(answer[field] for field in Content._fields))


def digest(store: Path, first: int = 0) -> Content:
    """The judge's reading of a raft.db or a wal/, from index `first` on."""
    return content(judge("digest", "-from", first, store))


def digest_of_copy(store: Path, *options: object) -> Content:
    """The same of a copy, for stores that are still to be used: HashiCorp's libraries may write to what they open."""
    with tempfile.TemporaryDirectory() as where:
        copy = Path(where, store.name)
        shutil.copytree(store, copy) if store.is_dir() else shutil.copy(store, copy)
        return content(judge("digest", *options, copy))


def append(store: Path, **options: object) -> Content:
    return content(judge("append", *_flags(options), store))


def truncate(store: Path, **options: object) -> Content:
    return content(judge("truncate", *_flags(options), store))


def vote(store: Path, **options: object) -> Content:
    return content(judge("vote", *_flags(options), store))


def _flags(options: dict[str, object]) -> list[str]:
    return [f"-{name}={value}" for name, value in options.items()]
