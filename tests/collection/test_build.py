# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever builds the tarball from the same files gets the same bytes: with them, a published one can be checked."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest
from support.paths import CHECKOUT, MEMORY, TESTS

PYTHONS = [
    line.split()
    for line in subprocess.run(
        [TESTS / "tools/pythons"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
]
CONTROLLERS = {version: python for version, python in PYTHONS if int(version.split(".")[1]) >= 11}
"""Those that an ansible-core runs on, and so ansible-galaxy."""


def build(checkout: Path, target: Path, **environment: str) -> bytes:
    """The bytes of the tarball that the checkout's own program builds."""
    said = subprocess.run(
        [checkout / "tests/tools/build-collection", target],
        env={**os.environ, "BUILD_VENV": str(CHECKOUT / ".venv"), **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return Path(said.strip()).read_bytes()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return build(CHECKOUT, tmp_path_factory.mktemp("built"))


def another_checkout(target: Path) -> Path:
    """The same files, made in another order at another time, and readable by their owner only."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    for name in reversed([name for name in listed.split("\0") if name and os.path.lexists(CHECKOUT / name)]):
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, copy, follow_symlinks=False)
        if not copy.is_symlink():
            os.chmod(copy, copy.stat().st_mode & 0o700)
            os.utime(copy, (10**9, 10**9))
    for command in (["init", "-q"], ["add", "-A", "-f"]):
        subprocess.run(["git", *command], cwd=target, check=True)
    return target


def test_another_checkout_another_umask_another_time(built: bytes, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        with_other = build(
            another_checkout(tmp_path / "checkout"), tmp_path, TMPDIR=str(MEMORY or tmp_path), TZ="Asia/Tokyo"
        )
    finally:
        os.umask(before)
    assert sha256(with_other).hexdigest() == sha256(built).hexdigest()


def disordered(tarball: bytes) -> bytes:
    """What ansible-galaxy makes of the same files where directories list them backwards, tomorrow, on another zlib."""
    written = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(tarball)) as source, tarfile.open(
        fileobj=written, mode="w:gz", compresslevel=1, format=tarfile.PAX_FORMAT
    ) as target:
        files = json.loads(source.extractfile("FILES.json").read())
        files["files"].reverse()
        listed = json.dumps(files, indent=True).encode()
        manifest = json.loads(source.extractfile("MANIFEST.json").read())
        manifest["file_manifest_file"]["chksum_sha256"] = sha256(listed).hexdigest()
        other = {"FILES.json": listed, "MANIFEST.json": json.dumps(manifest, indent=True).encode()}
        for number, member in enumerate(reversed(source.getmembers())):
            data = other.get(member.name) or (source.extractfile(member).read() if member.isfile() else b"")
            member.mtime, member.size = 1800000000.5 + number, len(data)
            member.uid, member.uname = 1000, "builder"
            target.addfile(member, io.BytesIO(data))
    return written.getvalue()


@pytest.mark.parametrize("version", CONTROLLERS)
def test_order_time_user_and_compression_leave_no_trace(built: bytes, version: str, tmp_path: Path) -> None:
    (tmp_path / "disordered").write_bytes(disordered(built))
    program = [CONTROLLERS[version], TESTS / "tools/normalise.py", tmp_path / "disordered", tmp_path / "normal"]
    subprocess.run(program, check=True)
    assert sha256((tmp_path / "normal").read_bytes()).hexdigest() == sha256(built).hexdigest()


def test_one_changed_byte_is_seen(built: bytes, tmp_path: Path) -> None:
    """So that the comparisons above are of something."""
    checkout = another_checkout(tmp_path / "checkout")
    with open(checkout / "README.md", "a") as readme:
        readme.write("\n")
    assert build(checkout, tmp_path) != built
