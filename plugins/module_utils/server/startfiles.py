# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that an agent's start reads and fails on, which neither `config validate` nor the running agent looks at again.

The certificates of its tls block (helper/tlsutil), and the keys of its keyring (nomad/encrypter.go, loadKeystore: one
that is no key ends the start). Reads only, and tells nothing of what is in them.
"""

from __future__ import annotations

import os
import re
import ssl
from contextlib import closing
from typing import Iterator, Tuple

from ..agent.config.load import Configuration, tls_files
from ..disk.datadir import open_given
from ..disk.durable import Directory, read_exact
from ..disk.errors import StoreError
from ..disk.plainjson import loads
from ..disk.reading import reading
from ..disk.syscalls import REAL
from .look import Seen

_KEY = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:\..*)?\.nks\.json")
_MAX_LEN = 1 << 20
# What OpenSSL has against a certificate that Go's library takes.
_TOO_STRICT = re.compile(r"TOO_(?:SMALL|WEAK)")

Wrong = Tuple[str, str]
"""A path, and what is wrong there, for a sentence."""


def unusable(seen: Seen) -> Tuple[Wrong, ...]:
    """The files that the next start would fail on."""
    if seen.process is not None and seen.process.contained:
        return ()
    wrong = list(_certificates(seen.planned.found, seen.process.cwd if seen.process else "/")) if seen.planned else []
    return (*wrong, *(_keys(os.path.dirname(seen.store["raft_dir"])) if seen.store else ()))


def _certificates(configuration: Configuration, start: str) -> Iterator[Wrong]:
    named = {name: os.path.join(start, path) for name, path in tls_files(configuration).items() if path}
    unreadable = {path: _unreadable(path) for path in named.values()}
    yield from ((path, what) for path, what in unreadable.items() if what)
    if any(unreadable.values()):
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        where = named.get("ca_file", "")
        if where:
            context.load_verify_locations(where)
        if "cert_file" in named and "key_file" in named:
            where = named["cert_file"]
            context.load_cert_chain(where, named["key_file"], password=lambda: "")
    except (OSError, ValueError) as error:
        reason = str(getattr(error, "reason", "") or error)
        if not _TOO_STRICT.search(reason):
            yield where, f"it cannot be used ({reason})"


def _unreadable(path: str) -> str:
    if not os.path.exists(path):
        return "it is not there"
    if not os.path.isfile(path):
        return "it is no file"
    return "" if os.access(path, os.R_OK) or os.geteuid() != 0 else "it cannot be read"


def _keys(server_dir: str) -> Iterator[Wrong]:
    try:
        with closing(open_given(server_dir, REAL)) as server:
            if server.stat("keystore") is None:
                return
            with closing(server.subdirectory("keystore")) as keystore:
                for name in keystore.names():
                    if _KEY.fullmatch(name) and not _is_key(keystore, name):
                        yield keystore.path_of(name), "it is no key of a keyring"
    except StoreError:  # of another user: what is not seen is no finding
        return


def _is_key(keystore: Directory, name: str) -> bool:
    """Whether the file says of which key it is; what is secret in it is only looked at by Nomad."""
    with reading(keystore, name) as fd:
        content = read_exact(fd, min(os.fstat(fd).st_size, _MAX_LEN), 0, keystore.path_of(name))
    try:
        value = loads(content)
    except ValueError:
        return False
    meta = value.get("Meta") if isinstance(value, dict) else None
    return isinstance(meta, dict) and str(meta.get("KeyID", "")).lower() == name.split(".")[0]
