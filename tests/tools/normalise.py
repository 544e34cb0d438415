# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a tarball of ansible-galaxy one that depends on nothing but the files in it.

What varies in it: the order of files, in the archive and in FILES.json, which is that of the directories on disk, and
so the checksum of FILES.json in MANIFEST.json; the times; and the compression, which each zlib does in its own way.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import sys
import tarfile
import zlib
from pathlib import Path
from typing import Dict

TIME = 315532800
"""1980-01-01 UTC. ansible-galaxy does not install times, so that any one will do."""
MANIFEST = "MANIFEST.json"
FILES = "FILES.json"
LARGEST_BLOCK = 0xFFFF


def sorted_manifests(manifest: bytes, files: bytes) -> Dict[str, bytes]:
    """FILES.json in the order of names, and MANIFEST.json with its checksum, written as ansible-galaxy writes them."""
    listed = json.loads(files)
    listed["files"].sort(key=lambda entry: entry["name"])
    files = json.dumps(listed, indent=True).encode()
    about = json.loads(manifest)
    about["file_manifest_file"]["chksum_sha256"] = hashlib.sha256(files).hexdigest()
    return {MANIFEST: json.dumps(about, indent=True).encode(), FILES: files}


def normal_tar(source: tarfile.TarFile) -> bytes:
    """The same members: the manifests first, the others by name, of nobody and of no time."""
    written = io.BytesIO()
    manifests = sorted_manifests(source.extractfile(MANIFEST).read(), source.extractfile(FILES).read())
    with tarfile.open(fileobj=written, mode="w", format=tarfile.USTAR_FORMAT) as target:
        for member in sorted(source.getmembers(), key=lambda m: (m.name not in manifests, m.name != MANIFEST, m.name)):
            data = source.extractfile(member).read() if member.isfile() else b""
            data = manifests.get(member.name, data)
            plain = tarfile.TarInfo(member.name)
            plain.type, plain.linkname, plain.mode = member.type, member.linkname, member.mode
            plain.size, plain.mtime = len(data), TIME
            target.addfile(plain, io.BytesIO(data))
    return written.getvalue()


def stored_gzip(data: bytes) -> bytes:
    """A gzip file whose blocks are stored, not compressed (RFC 1951, 3.2.4): there is one way only to write it."""
    written = [b"\x1f\x8b\x08\x00", struct.pack("<I", 0), b"\x00\xff"]  # no name, no time, an unknown system
    for start in range(0, len(data), LARGEST_BLOCK):
        block = data[start : start + LARGEST_BLOCK]
        last = start + LARGEST_BLOCK >= len(data)
        written += [struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF), block]
    written.append(struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF))
    return b"".join(written)


def main(source: str, target: str) -> None:
    with tarfile.open(source) as tarball:
        Path(target).write_bytes(stored_gzip(normal_tar(tarball)))


if __name__ == "__main__":
    main(*sys.argv[1:])
