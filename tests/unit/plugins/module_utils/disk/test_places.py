# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Places, on real mounts and with real attributes: root is needed."""

from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.raftops.nomad.plugins.module_utils._disk.places import look, untrusted_above
from support.attributes import attribute, mounted


def test_a_plain_file_a_new_one_and_a_directory(tmp_path: Path) -> None:
    (tmp_path / "nomad.hcl").write_text("")
    plain, new, directory = (look(str(tmp_path / name)) for name in ("nomad.hcl", "new.hcl", "."))
    assert [plain.kind, new.kind, directory.kind] == ["file", "", "directory"]
    for place in (plain, new):
        assert (place.bound, place.frozen, place.mount.read_only) == (False, "", False)
    assert os.path.ismount(plain.mount.point) and str(tmp_path).startswith(plain.mount.point)


def test_a_link_is_judged_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/nomad.hcl").write_text("")
    (tmp_path / "link.hcl").symlink_to("real/nomad.hcl")
    place = look(str(tmp_path / "link.hcl"))
    assert (place.path, place.real) == (str(tmp_path / "link.hcl"), str(tmp_path / "real/nomad.hcl"))
    with attribute("i", tmp_path / "real/nomad.hcl"):
        assert look(str(tmp_path / "link.hcl")).frozen == str(tmp_path / "real/nomad.hcl")


def test_immutable_and_append_only_files_and_directories(tmp_path: Path) -> None:
    (tmp_path / "nomad.hcl").write_text("")
    for letter in "ia":
        with attribute(letter, tmp_path / "nomad.hcl"):
            assert look(str(tmp_path / "nomad.hcl")).frozen == str(tmp_path / "nomad.hcl")
            assert look(str(tmp_path / "other.hcl")).frozen == ""
        with attribute(letter, tmp_path):
            assert look(str(tmp_path / "nomad.hcl")).frozen == str(tmp_path)
            assert look(str(tmp_path / "other.hcl")).frozen == str(tmp_path)


def test_a_file_that_is_bound_from_elsewhere(tmp_path: Path) -> None:
    for name in ("outside", "nomad.hcl"):
        (tmp_path / name).write_text("")
    with mounted("--bind", str(tmp_path / "outside"), str(tmp_path / "nomad.hcl")):
        assert look(str(tmp_path / "nomad.hcl")).bound
        assert not look(str(tmp_path / "outside")).bound
    assert not look(str(tmp_path / "nomad.hcl")).bound


def test_a_read_only_mount_and_one_in_memory(tmp_path: Path) -> None:
    with mounted("-t", "tmpfs", "-o", "ro", "none", str(tmp_path)):
        mount = look(str(tmp_path / "new.hcl")).mount
    assert (mount.kind, mount.point, mount.read_only) == ("tmpfs", str(tmp_path), True)


def test_a_fifo_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "nomad.hcl")
    assert look(str(tmp_path / "nomad.hcl")).kind == "other"


def test_what_lasts_and_what_does_not(tmp_path: Path) -> None:
    """An overlay is what its upper directory is, wherever it is mounted."""
    merged, lasting, memory, ramfs = (tmp_path / name for name in ("merged", "lasting", "memory", "ramfs"))
    for folder in merged, lasting / "upper", lasting / "work", memory, ramfs:
        folder.mkdir(parents=True)
    assert not look(str(tmp_path / "new.hcl")).volatile

    def overlay(top: Path) -> str:
        return f"lowerdir={tmp_path / 'lasting'},upperdir={top / 'upper'},workdir={top / 'work'}"

    with mounted("-t", "overlay", "-o", overlay(lasting), "none", str(merged)):
        assert not look(str(merged / "new.hcl")).volatile
    with mounted("-t", "ramfs", "none", str(ramfs)):
        assert look(str(ramfs / "new.hcl")).volatile
    with mounted("-t", "tmpfs", "none", str(memory)):
        assert look(str(memory / "new.hcl")).volatile
        for name in "upper", "work":
            (memory / name).mkdir()
        with mounted("-t", "overlay", "-o", overlay(memory), "none", str(merged)):
            assert look(str(merged / "new.hcl")).volatile
            memory_link = tmp_path / "link.hcl"
            memory_link.symlink_to(merged / "new.hcl")
            assert look(str(memory_link)).volatile, "a link is judged where it leads"


def test_who_could_exchange_a_path(tmp_path: Path) -> None:
    inner = tmp_path / "a/b"
    inner.mkdir(parents=True)
    inner.chmod(0o777)
    assert untrusted_above(str(inner), 0) == "", "only what is above it counts"
    for path, mode, owner in (tmp_path / "a", 0o775, 0), (tmp_path, 0o755, 4711):
        path.chmod(mode)
        os.chown(path, owner, owner)
        assert untrusted_above(str(inner), 0) == str(path)
        path.chmod(0o755)
        assert untrusted_above(str(inner), 4711) == ""
        os.chown(path, 0, 0)
    (tmp_path / "a").chmod(0o1777)
    assert untrusted_above(str(inner), 0) == "", "in a sticky directory nobody moves another's files"
