# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""raft.db as a Raft store: stores that Nomad wrote, bytes that raft-boltdb wrote, stable keys, unknown content."""

from __future__ import annotations

import hashlib
import os
import re
import struct

import msgpack
import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Corrupt, Unsupported
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.store import Stable
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.boltdb import reader as boltdb
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.boltdb.reader import BoltStore
from support.recordings import STORE_NAMES, store_facts, unpack_store
from support.stores.bboltimage import CONF, Image, entries, inline, opened, paged, raft_db, read_store

FACTS = {name: store_facts(name) for name in STORE_NAMES}
BOLTDB = sorted(name for name, facts in FACTS.items() if facts["backend"] == "boltdb")

# Keys and values of entries 5 and 6, as raft-boltdb wrote them.
GOLDEN = [
    (
        bytes.fromhex("0000000000000005"),
        bytes.fromhex(
            "86aa417070656e6465644174a8a1dcd7c8695735a5a444617461a352fdfcaa457874656e73696f6e73c0a5496e64657805"
            "a45465726d07a45479706500"
        ),
    ),
    (
        bytes.fromhex("0000000000000006"),
        bytes.fromhex(
            "86aa417070656e6465644174a8a219e0c8695735a5a444617461a3072181aa457874656e73696f6e73c0a5496e64657806"
            "a45465726d07a45479706500"
        ),
    ),
]


def extracted(name, directory):
    """The raft.db of a recorded store."""
    return unpack_store(name, directory) / "raft.db"


def digest_line(value):
    """The line that the judge's digest takes of an entry, by the msgpack library instead of our decoder."""
    fields = msgpack.unpackb(value, raw=True)
    appended_at = 0
    if fields[b"AppendedAt"]:
        (packed,) = struct.unpack(">Q", fields[b"AppendedAt"])
        appended_at = (packed & (1 << 34) - 1) * 10**9 + (packed >> 34)
    data, extensions = ((fields[key] or b"").hex() for key in (b"Data", b"Extensions"))
    return f"{fields[b'Index']} {fields[b'Term']} {fields[b'Type']} {data} {extensions} {appended_at}\n".encode()


def test_there_are_recorded_stores():
    assert len(BOLTDB) >= 6


@pytest.mark.parametrize("name", BOLTDB)
def test_a_store_that_nomad_wrote(tmp_path, name):
    facts, path = FACTS[name], extracted(name, tmp_path)
    oracle, absent = facts["oracle"], facts["stable_keys_absent"]
    before = path.read_bytes()
    stable, shape, records, notes = read_store(path, before)
    assert [shape[0][0], shape[-1][0] + shape[-1][1] - 1] == [oracle["first_index"], oracle["last_index"]]
    assert len(records) == sum(count for _first, count in shape) == oracle["entries"]
    assert oracle["last_index"] - oracle["first_index"] + 1 - len(records) == facts["holes"]
    assert stable == Stable(
        None if "CurrentTerm" in absent else oracle["current_term"],
        None if "LastVoteTerm" in absent else oracle["last_vote_term"],
        None if "LastVoteCand" in absent else oracle["last_vote_cand"].encode(),
    )
    assert notes == []
    digest = hashlib.sha256(b"".join(digest_line(value) for _index, value in records))
    assert digest.hexdigest() == oracle["digest"]
    assert path.read_bytes() == before


def test_bytes_that_raft_boltdb_wrote(tmp_path):
    image = Image()
    leaf_id = image.leaf([(0, key, value) for key, value in GOLDEN])
    image.finish({b"logs": (1, paged(leaf_id)), b"conf": (1, inline([]))})
    _stable, shape, records, _notes = read_store(tmp_path / "raft.db", image.data)
    assert shape == [(5, 2)]
    assert records == [(5, GOLDEN[0][1]), (6, GOLDEN[1][1])]


def test_the_example_in_the_docstring_is_that_entry():
    key, value = re.findall(r"`([0-9a-f]{10,})`", boltdb.__doc__)
    assert bytes.fromhex(key) == GOLDEN[0][0]
    assert GOLDEN[0][1].startswith(bytes.fromhex(value))


def test_what_it_says_of_itself(tmp_path):
    items = [entry for entry in entries(20, first=5) if entry[0] != 9]
    with opened(tmp_path / "raft.db", raft_db(items, 2048).data) as fd:
        store = BoltStore(fd, "raft.db")
        assert (store.encoding, store.path, store.page_size) == ("msgpack", "raft.db", 2048)
        assert (store.first_index, store.last_index, store.entry_count) == (5, 24, 19)
        assert store.live_len == 19 * (16 + 8 + 96)


class TestStable:
    @pytest.mark.parametrize(
        ("conf", "stable"),
        [
            (CONF, Stable(7, 6, b"10.0.0.1:4647")),
            ({}, Stable(None, None, None)),
            ({b"CurrentTerm": bytes(7) + b"\x02"}, Stable(2, None, None)),
            ({b"CurrentTerm": b"\xff" * 8, b"LastVoteCand": b""}, Stable((1 << 64) - 1, None, b"")),
            ({**CONF, b"LastVoteCand": b"x" * 5000}, Stable(7, 6, b"x" * 5000)),
        ],
    )
    def test_values(self, tmp_path, conf, stable):
        assert read_store(tmp_path / "raft.db", raft_db(entries(3), 65536, conf=conf).data)[0] == stable

    def test_in_a_page_of_its_own(self, tmp_path):
        image = Image()
        items = [(0, key, value) for key, value in sorted(CONF.items())]
        image.finish({b"logs": (1, inline([])), b"conf": (1, paged(image.leaf(items)))})
        assert read_store(tmp_path / "raft.db", image.data)[0] == Stable(7, 6, b"10.0.0.1:4647")

    @pytest.mark.parametrize(
        ("conf", "kind", "match"),
        [
            ({**CONF, b"CurrentTerm": b"\x07"}, Corrupt, "CurrentTerm has 1 bytes, wanted 8"),
            ({**CONF, b"LastVoteTerm": bytes(9)}, Corrupt, "LastVoteTerm has 9 bytes, wanted 8"),
            ({**CONF, b"CurrentTerm": b""}, Corrupt, "CurrentTerm has 0 bytes"),
            ({**CONF, b"ClusterID": b"x"}, Unsupported, r"unknown key b'ClusterID' in the bucket conf"),
            ({**CONF, b"currentterm": bytes(8)}, Unsupported, "unknown key b'currentterm'"),
        ],
    )
    def test_refused(self, tmp_path, conf, kind, match):
        image = raft_db(entries(3), conf=conf)
        with pytest.raises(kind, match=match) as caught:
            read_store(tmp_path / "raft.db", image.data)
        assert str(caught.value).startswith(f"{tmp_path / 'raft.db'} at byte ")
        assert image.off(image.root_id) < caught.value.offset < image.off(image.root_id + 1)

    def test_a_bucket_in_place_of_a_value(self, tmp_path):
        conf = inline([(1, b"CurrentTerm", bytes(16))])
        image = Image().finish({b"logs": (1, inline([])), b"conf": (1, conf)})
        with pytest.raises(Corrupt, match="b'CurrentTerm' is a bucket in a bucket"):
            read_store(tmp_path / "raft.db", image.data)


class TestBuckets:
    @pytest.mark.parametrize(
        "names", [(b"logs",), (b"conf",), (b"conf", b"logs", b"more"), (b"wal-meta", b"stable"), (b"Logs", b"conf")]
    )
    def test_another_database(self, tmp_path, names):
        image = Image().finish({name: (1, inline([])) for name in names})
        with pytest.raises(Unsupported, match=r"has the buckets \[.*\], a Raft store has") as caught:
            read_store(tmp_path / "raft.db", image.data)
        assert caught.value.offset == image.off(image.root_id)

    def test_a_file_that_bbolt_has_just_made_is_empty(self, tmp_path):
        image = Image().finish({}, txid=1)
        assert read_store(tmp_path / "raft.db", image.data) == (Stable(), [], [], [])

    def test_a_root_that_has_lost_its_buckets_is_not_empty(self, tmp_path):
        image = raft_db(entries(30))
        image.put_number(image.root_id, 10, "H", 0)
        with pytest.raises(Corrupt, match="the root bucket is empty, although 6 transactions were made") as caught:
            read_store(tmp_path / "raft.db", image.data)
        assert caught.value.offset == image.off(image.root_id)


def test_a_damaged_meta_is_noted(tmp_path):
    image = raft_db(entries(3))
    image.put_number(1, 72, "Q", 0)
    _stable, shape, _records, notes = read_store(tmp_path / "raft.db", image.data)
    assert shape == [(1, 3)]
    assert len(notes) == 1 and "one of the two meta pages is not valid" in notes[0]


def test_the_file_is_not_written_to(tmp_path):
    path = tmp_path / "raft.db"
    path.write_bytes(raft_db(entries(30)).data)
    before = os.stat(str(path))
    read_only = os.open(str(path), os.O_RDONLY)
    try:
        store = BoltStore(read_only, str(path))
        assert sum(len(batch.raws) for batch in store.batches(store.extents())) == 30
    finally:
        os.close(read_only)
    assert os.stat(str(path)).st_mtime_ns == before.st_mtime_ns
