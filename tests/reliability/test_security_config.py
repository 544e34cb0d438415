# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The owner of a configuration directory swaps a file in it for a link while root writes: nothing else changes."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.config import files
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import ConfigError
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import StoreError
from support.paths import MEMORY
from support.security.attack import USER, exchange

SECONDS = 20 if os.environ.get("RELIABILITY") == "all" else 4
OLD, NEW, SECRET = b"server {}\n", b"server { enabled = true }\n", b"server {}\n# not yours\n"


@pytest.fixture(autouse=True)
def small_units() -> None:
    """The product's own sizes."""


@pytest.fixture
def root() -> Iterator[Path]:
    """outside/secret.hcl is root's; config/ is the user's."""
    where = Path(tempfile.mkdtemp(prefix="config-", dir=MEMORY))
    where.chmod(0o755)
    (where / "outside").mkdir()
    (where / "outside/secret.hcl").write_bytes(SECRET)
    (where / "config").mkdir()
    for path in (where / "config", where / "config/nomad.hcl"):
        path.exists() or path.write_bytes(OLD)
        os.chown(path, USER, USER)
    yield where
    shutil.rmtree(where)


@contextlib.contextmanager
def attacking(swap: Callable[[], None]) -> Iterator[None]:
    """A process of the user that does this all the time."""
    pid = os.fork()
    if not pid:
        os.setgroups([])
        os.setgid(USER)
        os.setuid(USER)
        while True:
            with contextlib.suppress(OSError):
                swap()
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def outside(root: Path) -> dict[str, tuple[object, ...]]:
    found = {}
    for path in (root / "outside").iterdir():
        status = path.lstat()
        found[path.name] = (path.read_bytes(), status.st_uid, status.st_mode, status.st_mtime_ns)
    return found


def test_a_new_file_is_never_made_through_a_link(root: Path, cover: Callable[..., None]) -> None:
    target, before = root / "config/raft_logstore.hcl", outside(root)

    def swap() -> None:
        os.symlink(root / "outside/new.hcl", target)
        os.unlink(target)

    with attacking(swap):
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(ConfigError, StoreError):
                files.write(str(target), None, NEW, str(root / "config/nomad.hcl"), False)
            with contextlib.suppress(FileNotFoundError):
                target.unlink()
            assert outside(root) == before
            cover("files of a configuration written while their names were exchanged")


def test_a_file_is_never_replaced_through_a_link(root: Path, cover: Callable[..., None]) -> None:
    target, spare, before = root / "config/nomad.hcl", root / "config/spare", outside(root)
    os.symlink(root / "outside/secret.hcl", spare)
    os.lchown(spare, USER, USER)
    with attacking(lambda: bool(exchange(str(target), str(spare))) and None):
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            for content in (OLD, NEW, SECRET):
                with contextlib.suppress(ConfigError, StoreError):
                    files.write(str(target), content, NEW if content == OLD else OLD, str(target), False)
                cover("files of a configuration written while their names were exchanged")
            assert outside(root) == before
