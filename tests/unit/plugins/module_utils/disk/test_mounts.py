# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts: the kernel's own texts, the file systems that are refused, a real bind mount."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk import mounts
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Refused
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.migrate import migrate
from support.stores.builder import (
    listing,
    nomad_store,
    request,
)

MOUNTINFO = """\
22 1 0:21 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
29 22 0:25 / /sys rw,nosuid - sysfs sysfs rw
97 22 0:50 / /srv/a\\040b rw,relatime shared:5 master:2 - nfs4 host:/x rw,vers=4.2
98 22 0:51 / /mnt rw - fuse.sshfs - rw
99 22 0:52 / /ro ro,relatime - ext4 /dev/vdb rw
100 22 0:53 / /frozen rw,relatime - squashfs /dev/loop0 ro,errors=continue
"""


def test_mounts_from_mountinfo() -> None:
    found = mounts.parse_mountinfo(MOUNTINFO)
    kinds = {22: "ext4", 29: "sysfs", 97: "nfs4", 98: "fuse.sshfs", 99: "ext4", 100: "squashfs"}
    assert {number: mount.kind for number, mount in found.items()} == kinds
    assert found[97].point == "/srv/a b"
    assert [number for number, mount in found.items() if mount.read_only] == [99, 100]
    assert mounts.parse_mountinfo("") == {}


def test_the_mount_number_from_fdinfo() -> None:
    assert mounts.parse_mount_number("pos:\t0\nflags:\t0100000\nmnt_id:\t97\nino:\t2\n") == 97
    assert mounts.parse_mount_number("pos:\t0\n") == 0


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "vfat"])
def test_file_systems_without_real_locks_or_links_are_refused(kind: str, tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path / "data")
    before = listing(raft)
    proc = tmp_path / "proc"
    (proc / "self/fdinfo").mkdir(parents=True)
    for fd in range(1024):  # other tests of this process may have left some open
        (proc / f"self/fdinfo/{fd}").write_text("mnt_id:\t97\n")
    (proc / "self/mountinfo").write_text(MOUNTINFO.replace("nfs4", kind))
    with pytest.raises(Refused, match=f"on a {kind} file system") as caught:
        migrate(request(raft), proc=str(proc))
    assert caught.value.path == str(raft) and caught.value.hint
    assert listing(raft) == before


def test_a_bind_mount_of_the_same_device_is_another_mount(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    subprocess.run(["mount", "--bind", str(inner), str(inner)], check=True)
    try:
        fds = [os.open(path, os.O_RDONLY) for path in (tmp_path, inner)]
        numbers = [mounts.mount_of(fd) for fd in fds]
        for fd in fds:
            os.close(fd)
    finally:
        subprocess.run(["umount", str(inner)], check=True)
    assert numbers[0].number != numbers[1].number != 0
    assert numbers[0].kind == numbers[1].kind != ""


def test_an_unreadable_file_is_no_text(tmp_path: Path) -> None:
    assert mounts.read_text(str(tmp_path / "none")) == ""
