# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's view, by strace: nothing goes around the seam; and the module itself under kills and errors."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.conversions import invariants
from support.conversions.situations import TO_BOLTDB, TO_WAL, Situation, Template
from support.paths import PYTHONPATH

Templates = Callable[[Situation], Template]
CHANGING = (
    "open,openat,creat,write,writev,pwrite64,pwritev,pwritev2,fsync,fdatasync,rename,renameat,renameat2,link,linkat,symlink,"
    "symlinkat,unlink,unlinkat,mkdir,mkdirat,rmdir,truncate,ftruncate,fallocate,chmod,fchmod,fchmodat,chown,fchown,"
    "fchownat,lchown,setxattr,fsetxattr,utimensat,copy_file_range,sendfile,msync"
)
NAMES = {
    "openat": "open", "pwrite64": "pwritev", "pwritev2": "pwritev", "renameat": "rename", "renameat2": "rename",
    "linkat": "link", "symlinkat": "symlink", "unlinkat": "unlink", "mkdirat": "mkdir", "fsetxattr": "setxattr",
}  # fmt: skip
QUICK = ["--seccomp-bpf"]  # only the calls that are named stop the module; no signal can be sent at them then
PLAIN = [TO_WAL[0], TO_BOLTDB[0]]
POINTS = 6
POINTS_ALL = 60


def traced(options: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """The module under strace; without options only the module."""
    strace = ["strace", "-f", "-qq", *options] if options else []
    command = [*strace, sys.executable, "-m", "support.conversions.program", *arguments]
    environment = {**os.environ, "PYTHONPATH": PYTHONPATH, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


def calls_in(trace: str, place: str) -> Counter[str]:
    """The calls below this directory that change something, by the names of the seam."""
    found: Counter[str] = Counter()
    for line in trace.splitlines():
        match = re.match(r"(?:\d+ +)?(\w+)\(", line)
        if match and place in line and (not match[1].startswith("open") or "O_CREAT" in line):
            name = NAMES.get(match[1], match[1])
            found["rmdir" if "AT_REMOVEDIR" in line else name] += 1
    return found


@pytest.mark.parametrize("situation", PLAIN, ids=lambda situation: situation.name)
def test_no_change_goes_around_the_seam(
    situation: Situation, templates: Templates, memory_disk: Path, tmp_path: Path
) -> None:
    where = memory_disk / f"trace-{situation.name}"
    raft = templates(situation).copy(where)
    arguments = {"data_dir": str(raft), "backend": situation.backend, "workers": 2, "wal_segment_size": 1}
    trace = tmp_path / "trace"
    done = traced([*QUICK, "-y", "-o", str(trace), "-e", f"trace={CHANGING}"], json.dumps(arguments), "record")
    assert done.returncode == 0, done.stderr
    recorded = Counter(json.loads(done.stdout))
    assert recorded["fsync"] and recorded["rename"]
    assert calls_in(trace.read_text(), str(where)) == recorded
    shutil.rmtree(where)


def module(template: Template, where: Path, options: list[str]) -> tuple[int, dict[str, Any]]:
    """The module under these faults: how it ended and what it printed."""
    arguments = {"data_dir": str(where), "backend": template.situation.backend, "wal_segment_size": 1, "force": True}
    done = traced(["-o", "/dev/null", *options] if options else [], json.dumps(arguments))
    return done.returncode, json.loads(done.stdout) if done.stdout else {}


@pytest.mark.parametrize("call", ["fsync", "pwritev,pwritev2", "rename,renameat,renameat2"])
@pytest.mark.parametrize("situation", PLAIN, ids=lambda situation: situation.name)
def test_the_module_is_killed(
    situation: Situation,
    call: str,
    templates: Templates,
    memory_disk: Path,
    everything: bool,
    cover: Callable[..., None],
) -> None:
    template = templates(situation)
    found = invariants.before(template)
    where = memory_disk / f"strace-{situation.name}-{call[:6]}"
    for number in range(1, 1 + (POINTS_ALL if everything else POINTS)):
        raft = template.copy(where)
        status, _result = module(
            template, where, ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}"]
        )
        invariants.intact(raft, template, found)
        again, result = module(template, where, [])
        assert again == 0 and result.get("backend") == situation.backend, result
        invariants.complete(raft, backend=situation.backend, expected=template.expected, clean=True, by_judge=True)
        shutil.rmtree(where)
        if status == 0:  # there is no such call any more
            assert number > 1
            break
        assert status in (-signal.SIGKILL, 128 + signal.SIGKILL)
        cover(f"modules killed by strace, to {situation.backend}")


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
@pytest.mark.parametrize("call", ["fsync", "pwritev,pwritev2", "mkdir,mkdirat,link,linkat"])
@pytest.mark.parametrize("situation", PLAIN, ids=lambda situation: situation.name)
def test_the_module_tells_a_failure(
    situation: Situation, call: str, error: str, templates: Templates, memory_disk: Path, cover: Callable[..., None]
) -> None:
    """Non-zero, with path and reason in the result, as Ansible shows it; the source as it was; then it completes."""
    template = templates(situation)
    if situation.backend == "boltdb" and call.startswith("mkdir"):
        call = "rename,renameat,renameat2"
    where = memory_disk / f"error-{situation.name}-{call[:5]}-{error}"
    raft = template.copy(where)
    before = invariants.fingerprints(raft)
    inject = [*QUICK, "-e", f"trace={call}", "-P", str(raft), "-P", str(raft / "wal.partial")]
    partials = [raft / ".raft-migrate.json.partial", raft / "raft.db.partial"]
    for path in partials:
        inject += ["-P", str(path)]
    status, result = module(template, where, [*inject, "-e", f"inject={call}:error={error}:when=1+"])
    assert status == 1 and result["failed"] is True, result
    assert os.strerror(getattr(errno, error)) in result["msg"]
    assert result["path"].startswith(str(where)) and result["hint"]
    assert invariants.fingerprints(raft) == before
    again, result = module(template, where, [])
    assert again == 0, result
    invariants.complete(raft, backend=situation.backend, expected=template.expected, clean=True, by_judge=True)
    shutil.rmtree(where)
    cover(f"failures that the module told, to {situation.backend}")
