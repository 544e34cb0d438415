# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured: each subject converts one store into a fresh directory, in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from support.paths import BUILD, CHECKOUT, JUDGE, TESTS

MODULE = "ansible_collections.raftops.nomad.plugins.modules.raft_migrate_backend"
TO_WAL, TO_BOLTDB = "to WAL", "to BoltDB"
STORES = {
    "1 M x 200 B": ("plain", 1_000_000, "200"),
    "150 k x 2 KiB": ("plain", 150_000, "2048"),
    "8 k x 64 KiB": ("plain", 8_000, "65536"),
    "400 k mixed": ("exponential", 400_000, "~940"),
    "0.1 GB": ("plain", 25_000, "2048"),
    "1 GB": ("plain", 250_000, "2048"),
    "10 GB": ("plain", 2_500_000, "2048"),
    "one of 60 MiB": ("plain", 1, str(60 << 20)),
}
"""Shape, number and size of the entries."""
COMPARED = ("1 M x 200 B", "150 k x 2 KiB", "8 k x 64 KiB")
"""The stores that goals are set for; the others show how time and memory grow."""
OUR_PYTHON = str(CHECKOUT / ".venv/bin/python")
PACKAGE = ("crc32c",)
"""The checksum by the package of this name, which .venv has."""


class Job(NamedTuple):
    """One run: its source, a fresh directory, and the interpreter of a managed host."""

    source: Path
    fresh: Path
    python: str


class Subject(NamedTuple):
    """`command` may prepare the fresh directory, which is not timed; its process is."""

    name: str
    direction: str
    command: Callable[[Job], Sequence[str]]


def _ours(*crc: str) -> Callable[[Job], Sequence[str]]:
    def command(job: Job) -> Sequence[str]:
        workers = str(len(os.sched_getaffinity(0)))
        python = OUR_PYTHON if crc == PACKAGE else job.python
        return [python, str(TESTS / "bench/ours.py"), str(job.source), str(job.fresh / "made"), workers, *crc]

    return command


def _module(job: Job) -> Sequence[str]:
    raft = job.fresh / "server/raft"
    raft.mkdir(parents=True)
    shutil.copyfile(job.source, raft / "raft.db")
    arguments = {"data_dir": str(job.fresh), "_ansible_remote_tmp": str(job.fresh), "_ansible_tmpdir": str(job.fresh)}
    (job.fresh / "arguments.json").write_text(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
    return ["env", f"PYTHONPATH={BUILD}", "_ANSIBLE_PROFILE=legacy", OUR_PYTHON, "-m", MODULE,
            str(job.fresh / "arguments.json")]  # fmt: skip


def _go(command: str, batch: int) -> Callable[[Job], Sequence[str]]:
    return lambda job: [str(JUDGE), command, f"-batch={batch}", str(job.source), str(job.fresh / "made")]


def _copy(job: Job) -> Sequence[str]:
    return ["dd", f"if={job.source}", f"of={job.fresh / 'made'}", "bs=1M", "conv=fsync", "status=none"]


def _nomad(job: Job) -> Sequence[str]:
    raft = job.fresh / "server/raft"
    raft.mkdir(parents=True)
    shutil.copyfile(job.source, raft / "raft.db")
    return [os.environ["NOMAD_BIN"], "operator", "raft", "migrate-backend", "-yes", str(job.fresh)]


SUBJECTS = [
    Subject("ours", TO_WAL, _ours()),
    Subject("ours, crc32c package", TO_WAL, _ours(*PACKAGE)),
    Subject("ours, libext2fs", TO_WAL, _ours("libext2fs")),
    Subject("ours, pure Python", TO_WAL, _ours("folding")),
    Subject("module", TO_WAL, _module),
    Subject("Go, 64 MiB batches", TO_WAL, _go("to-wal", 64 << 20)),
    Subject("Go, 1 MiB batches", TO_WAL, _go("to-wal", 1 << 20)),
    Subject("cp + fsync", TO_WAL, _copy),
    Subject("ours", TO_BOLTDB, _ours()),
    Subject("Go, 64 MiB batches", TO_BOLTDB, _go("to-boltdb", 64 << 20)),
    Subject("Go, 4 MiB batches", TO_BOLTDB, _go("to-boltdb", 4 << 20)),
]
if os.environ.get("NOMAD_BIN") and "lab" not in os.path.basename(os.environ["NOMAD_BIN"]):
    SUBJECTS.append(Subject("Nomad", TO_WAL, _nomad))
