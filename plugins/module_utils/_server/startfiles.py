# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that an agent's start reads and fails on, which neither `config validate` nor the running agent looks at again.

The certificates of its tls block (helper/tlsutil), the keys of its keyring (nomad/encrypter.go, loadKeystore: one that
is no key ends the start) and of its gossip, and what root can read while the user of the agent cannot. Reads only, and
tells nothing of what is in them.
"""

from __future__ import annotations

import base64
import os
import re
import ssl
from contextlib import closing
from typing import Dict, Iterable, Iterator, List, Set, Tuple

from .._agent.config.load import Configuration, tls_files
from .._disk.datadir import open_given
from .._disk.durable import Directory, read_exact
from .._disk.errors import StoreError
from .._disk.mounts import PROC, read_text
from .._disk.plainjson import loads
from .._disk.reading import reading
from .._disk.syscalls import REAL
from .look import Seen

_KEY = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:\..*)?\.nks\.json")
_MAX_LEN = 1 << 20
_SERF = "serf.keyring"
_READS_ALL = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
# What OpenSSL has against a certificate that Go's library takes.
_TOO_STRICT = re.compile(r"TOO_(?:SMALL|WEAK)")

Wrong = Tuple[str, str]
"""A path, and what is wrong there, for a sentence."""


def unusable(seen: Seen, proc: str = PROC) -> Tuple[Wrong, ...]:
    """The files that the next start would fail on."""
    process = seen.process
    if process is None or process.contained or os.geteuid() != 0 or not _sees_the_same(process.pid, proc):
        return ()  # nothing runs that a stop could take down for it, or what is there cannot be judged from here
    wrong: List[Wrong] = []
    if seen.planned is not None:
        named = _named(seen.planned.found, process.cwd)
        wrong += _certificates(named)
        paths = [*(document.path for document in seen.planned.found.documents), *named.values()]
        wrong += closed_to(paths, read_text(f"{proc}/{process.pid}/status"))
    return (*wrong, *(_keys(os.path.dirname(seen.store["raft_dir"])) if seen.store else ()))


def _sees_the_same(pid: int, proc: str) -> bool:
    """Whether a process has our mounts. Units with BindPaths= and the like have some of their own."""
    try:
        return os.readlink(f"{proc}/{pid}/ns/mnt") == os.readlink(f"{proc}/self/ns/mnt")
    except OSError:
        return True


def closed_to(paths: Iterable[str], status: str) -> Iterator[Wrong]:
    """Those of the files that the user of a process may not read, from its /proc/PID/status.

    Nothing for root and whoever has its rights, and nothing where an access control list may say otherwise.
    """
    values = dict(re.findall(r"(?m)^(Uid|Gid|Groups|CapEff):[ \t]*(.*?)[ \t]*$", status))
    numbers = {name: [int(one) for one in values.get(name, "").split()] for name in ("Uid", "Gid", "Groups")}
    if len(numbers["Uid"]) < 2 or numbers["Uid"][1] == 0 or int(values.get("CapEff", "0"), 16) & _READS_ALL:
        return
    user, groups = numbers["Uid"][1], {*numbers["Gid"][1:2], *numbers["Groups"]}
    for path in paths:
        real = os.path.realpath(path)
        above = [os.path.dirname(real)]
        while above[-1] != os.sep:
            above.append(os.path.dirname(above[-1]))
        if os.path.exists(real) and not (
            _may(real, 4, user, groups) and all(_may(one, 1, user, groups) for one in above)
        ):
            yield path, f"user {user}, as whom the agent runs, may not read it"


def _may(path: str, right: int, user: int, groups: Set[int]) -> bool:
    """Whether a user has a right (4: read, 1: search) by the mode of a file or directory, or a list may say so."""
    status = os.stat(path)
    shift = 6 if status.st_uid == user else 3 if status.st_gid in groups else 0
    if status.st_mode >> shift & right:
        return True
    try:
        return bool(os.getxattr(path, "system.posix_acl_access"))
    except OSError:  # none, or no such file system
        return False


def _named(configuration: Configuration, start: str) -> Dict[str, str]:
    return {name: os.path.join(start, path) for name, path in tls_files(configuration).items() if path}


def _certificates(named: Dict[str, str]) -> Iterator[Wrong]:
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
    return "" if os.access(path, os.R_OK) else "it cannot be read"


def _keys(server_dir: str) -> Iterator[Wrong]:
    try:
        with closing(open_given(server_dir, REAL)) as server:
            if server.stat(_SERF) is not None and not _is_keyring(server):
                yield server.path_of(_SERF), "it is no list of gossip keys"
            if server.stat("keystore") is None:
                return
            with closing(server.subdirectory("keystore")) as keystore:
                for name in keystore.names():
                    if _KEY.fullmatch(name) and not _is_key(keystore, name):
                        yield keystore.path_of(name), "it is no key of a keyring"
    except StoreError:  # of another user: what is not seen is no finding
        return


def _content(directory: Directory, name: str) -> object:
    """The value of a JSON file. Raises ValueError where it is none, StoreError where it cannot be read."""
    with reading(directory, name) as fd:
        return loads(read_exact(fd, min(os.fstat(fd).st_size, _MAX_LEN), 0, directory.path_of(name)))


def _is_keyring(server: Directory) -> bool:
    """Whether the agent would take it (command/agent/keyring.go, loadKeyringFile; memberlist, ValidateKey)."""
    try:
        keys = _content(server, _SERF)
        lengths = {len(base64.b64decode(str(key), validate=True)) for key in keys} if isinstance(keys, list) else set()
    except ValueError:
        return False
    return bool(lengths) and lengths <= {16, 24, 32}


def _is_key(keystore: Directory, name: str) -> bool:
    """Whether the file says of which key it is; what is secret in it is only looked at by Nomad."""
    try:
        value = _content(keystore, name)
    except ValueError:
        return False
    meta = value.get("Meta") if isinstance(value, dict) else None
    return isinstance(meta, dict) and str(meta.get("KeyID", "")).lower() == name.split(".")[0]
