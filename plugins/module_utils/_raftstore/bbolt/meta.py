# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the two meta pages of a bbolt file is in force, decided as bbolt decides it (db.go, meta.go).

bbolt writes its metas in turn, each with the next transaction number, so one is always whole. The valid one with
the higher number counts. Where page 1 begins depends on the page size, which only a meta tells: if the first is
damaged, all possible places are tried.
"""

from __future__ import annotations

import os
from typing import List, Optional, Tuple

from ..._disk.durable import read_exact
from ..._disk.errors import RESTORE, Corrupt, Unsupported, corrupt, located
from .format import (
    FIRST_FREE_PAGE,
    FREELIST_NOT_STORED,
    HEADER_LEN,
    META,
    META_PAGE,
    PAGE_SIZES,
    Meta,
    parse_meta,
    parse_page_header,
)

_MAX_PAGES = 1 << 26  # 256 GiB of 4 KiB pages; bounds the memory for one byte per page to 64 MiB


def choose_meta(fd: int, path: str) -> Tuple[Meta, List[str]]:
    """The meta in force, and sentences about the other one if it is not valid. Raises Corrupt if neither is."""
    errors: List[Corrupt] = []
    file_len = os.fstat(fd).st_size
    first = _try_meta(fd, path, file_len, 0, errors)
    second, second_off = None, 0
    for second_off in [first.page_size] if first else PAGE_SIZES:
        second = _try_meta(fd, path, file_len, second_off, errors)
        if second:
            break
    found = [(meta, off) for meta, off in ((first, 0), (second, second_off)) if meta]
    if not found:
        raise Corrupt(f"no valid meta page: {errors[0].what}", path, errors[0].offset, RESTORE)
    if second and second.page_size != second_off:
        what = f"meta page 1 gives the page size {second.page_size}"
        raise Corrupt(what, path, second_off + HEADER_LEN, RESTORE)
    meta, off = max(found, key=lambda pair: pair[0].txid)
    with located(path, off):
        parse_page_header(read_exact(fd, HEADER_LEN, off, path), 0, 1 if off else 0, (META_PAGE,))
        _check_meta(meta, file_len)
    if len(found) == 2:
        return meta, []
    damage = f"{path} at byte {errors[0].offset}: {errors[0].what}"
    return meta, [f"one of the two meta pages is not valid, the other is in force, as for Nomad: {damage}"]


def _try_meta(fd: int, path: str, file_len: int, off: int, errors: List[Corrupt]) -> Optional[Meta]:
    length = max(0, min(HEADER_LEN + META.size, file_len - off))
    try:
        with located(path, off):
            return parse_meta(read_exact(fd, length, off, path))
    except Corrupt as error:
        errors.append(error)
        return None


def _check_meta(meta: Meta, file_len: int) -> None:
    if meta.high_water > _MAX_PAGES:
        raise Unsupported(f"{meta.high_water} pages; at most {_MAX_PAGES} are read", offset=HEADER_LEN)
    if meta.high_water * meta.page_size > file_len:
        what = f"the file has {file_len} bytes, but {meta.high_water} pages of {meta.page_size} bytes are in use"
        raise corrupt(what, HEADER_LEN)
    for name, page_id in (("root bucket", meta.root_id), ("freelist", meta.freelist_id)):
        unstored = page_id == FREELIST_NOT_STORED and name == "freelist"
        if not unstored and not FIRST_FREE_PAGE <= page_id < meta.high_water:
            raise corrupt(f"the {name} is said to be on page {page_id}, outside the pages in use", HEADER_LEN)
