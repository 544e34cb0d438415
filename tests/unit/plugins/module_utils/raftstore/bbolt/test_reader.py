# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walking whole bbolt files: trees, freelists, buckets; and every way in which they can be wrong."""

from __future__ import annotations

import struct

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Corrupt, Unsupported
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.bbolt.format import PAGE_SIZES
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.bbolt.reader import Database
from support.stores.bboltimage import BRANCH, FREELIST, LEAF, NOT_STORED, Image, index_key, inline, opened, paged

ITEMS = [(b"key-%03d" % number, b"v" * number) for number in range(40)]


def words(image, items, per_leaf=4, fan_out=3):
    """A tree of text keys; the id of its root."""
    level = []
    for start in range(0, len(items), per_leaf):
        level.append((items[start][0], image.leaf([(0, *item) for item in items[start : start + per_leaf]])))
    while len(level) > 1:
        groups = [level[start : start + fan_out] for start in range(0, len(level), fan_out)]
        level = [(group[0][0], image.branch(group)) for group in groups]
    return level[0][1]


def one_bucket(page_size=1024, items=ITEMS, **options):
    image = Image(page_size)
    root_id = words(image, items)
    return image.finish({b"words": (1, paged(root_id, sequence=77))}, **options)


def read(tmp_path, image):
    path = tmp_path / "file.db"
    with opened(path, image.data) as fd:
        database = Database(fd, str(path))
        return {
            name: [(item.key, item.value) for item in database.items(bucket)]
            for name, bucket in database.buckets().items()
        }


class TestTrees:
    @pytest.mark.parametrize("page_size", PAGE_SIZES[:9])
    def test_any_page_size(self, tmp_path, page_size):
        assert read(tmp_path, one_bucket(page_size)) == {b"words": ITEMS}

    @pytest.mark.parametrize("count", [1, 4, 5, 12, 13, 36, 37, 40])
    def test_one_to_four_levels(self, tmp_path, count):
        assert read(tmp_path, one_bucket(items=ITEMS[:count])) == {b"words": ITEMS[:count]}

    def test_overflow(self, tmp_path):
        items = [(b"a", bytes(5000)), (b"b", b"x"), (b"c", b"y" * 1000), (b"d", b""), (b"e", b"z" * 70000)]
        assert read(tmp_path, one_bucket(items=items)) == {b"words": items}

    def test_a_branch_page_with_overflow(self, tmp_path):
        items = [(b"%04d" % number + b"k" * 300, b"v") for number in range(24)]
        image = one_bucket(items=items)
        assert struct.unpack_from("<I", image.data, image.off(image.branch_ids[0], 12)) == (0,)
        image = Image(1024)
        root_id = words(image, items, fan_out=6)
        assert struct.unpack_from("<I", image.data, image.off(root_id, 12)) == (1,)
        image.finish({b"words": (1, paged(root_id))})
        assert read(tmp_path, image) == {b"words": items}

    @pytest.mark.parametrize("empty", [0, 1, 2])
    def test_an_empty_leaf_inside(self, tmp_path, empty):
        image = Image()
        names = [b"a", b"k", b"l"]
        children = [(k, image.leaf([(0, k, b"1")] if n != empty else [])) for n, k in enumerate(names)]
        image.finish({b"words": (1, paged(image.branch(children)))})
        with pytest.raises(Corrupt, match=f"at byte {image.off(image.leaf_ids[empty])}: a leaf page without keys"):
            read(tmp_path, image)

    def test_no_buckets_and_inline_buckets(self, tmp_path):
        assert read(tmp_path, Image().finish({})) == {}
        image = Image().finish({b"a": (1, inline([])), b"b": (1, inline([(0, b"k", b"value"), (0, b"l", b"")]))})
        assert read(tmp_path, image) == {b"a": [], b"b": [(b"k", b"value"), (b"l", b"")]}

    def test_garbage_behind_the_pages_in_use_is_nobodys(self, tmp_path):
        image = one_bucket()
        image.data += b"\xff" * 5000
        assert read(tmp_path, image) == {b"words": ITEMS}

    def test_where_a_value_is(self, tmp_path):
        image = Image()
        root_id = words(image, ITEMS)
        image.finish({b"in": (1, inline([(0, b"k", b"inline value")])), b"words": (1, paged(root_id))})
        with opened(tmp_path / "file.db", image.data) as fd:
            database = Database(fd, "file.db")
            for bucket in database.buckets().values():
                for item in database.items(bucket):
                    assert image.data[item.value_off : item.value_off + len(item.value)] == item.value


class TestFreelist:
    def test_not_stored(self, tmp_path):
        assert read(tmp_path, one_bucket(freelist_id=NOT_STORED)) == {b"words": ITEMS}

    @pytest.mark.parametrize("count", [0, 1, 120, 500])
    def test_free_pages_with_anything_in_them(self, tmp_path, count):
        image, free_first = self.with_free_pages(count)
        assert free_first + count == image.root_id
        assert read(tmp_path, image) == {b"words": ITEMS}

    @staticmethod
    def with_free_pages(count, escape=False):
        image = Image()
        root_id = words(image, ITEMS)
        body_len = 8 * (count + escape)
        freelist_id = image.add(FREELIST, 0, bytes(body_len))
        first = image.add(LEAF, 0, b"garbage " * 20) if count else len(image.data) // 1024
        for _number in range(count - 1):
            image.add(0x77, 9, b"")
        ids = [count] * escape + list(range(first, first + count))
        image.put(freelist_id, 10, struct.pack("<H", 0xFFFF if escape else count))
        image.put(freelist_id, 16, struct.pack(f"<{len(ids)}Q", *ids))
        image.finish({b"words": (1, paged(root_id))}, freelist_id=NOT_STORED)
        image.seal_both(freelist=freelist_id)
        return image, first

    @pytest.mark.parametrize("count", [0, 3, 200])
    def test_a_count_that_is_escaped(self, tmp_path, count):
        image, _first = self.with_free_pages(count, escape=True)
        assert read(tmp_path, image) == {b"words": ITEMS}

    @pytest.mark.parametrize(
        ("damage", "match", "pos"),
        [
            (lambda image: image.put_number(2, 8, "H", LEAF), "page 2 is of the leaf kind", 0),
            (lambda image: image.put_number(2, 10, "H", 127), "a freelist of 127 ids does not fit", 0),
            (lambda image: image.put_number(2, 12, "I", 1), None, None),
            (lambda image: image.put_number(2, 16, "Q", 0), "the freelist has 0 after 0", 16),
            (lambda image: image.put_number(2, 16, "Q", 1), "page 1 referred to", 16),
            (lambda image: image.put_number(2, 24, "Q", 3), "the freelist has 3 after 3", 16),
            (lambda image: image.put_number(2, 24, "Q", 999), "page 999 referred to", 16),
            (lambda image: image.put_number(2, 16, "Q", 2), "page 2 is used twice", 16),
        ],
    )
    def test_damaged(self, tmp_path, damage, match, pos):
        image = Image()
        free = [image.add(LEAF, 0, b""), image.add(LEAF, 0, b"")]
        root_id = words(image, ITEMS[:3])
        image.finish({b"words": (1, paged(root_id))}, free=free)
        damage(image)
        with pytest.raises(Corrupt, match=match) as caught:
            read(tmp_path, image)
        if pos is not None:
            assert f"file.db at byte {2048 + pos}: " in str(caught.value)

    def test_a_page_that_is_free_and_in_use(self, tmp_path):
        image = one_bucket()
        image.put_number(2, 10, "H", 1)
        image.put_number(2, 16, "Q", image.leaf_ids[1])
        with pytest.raises(Corrupt, match=f"page {image.leaf_ids[1]} is used twice, or used and free at the same time"):
            read(tmp_path, image)


def child(image, branch_id, number, page_id):
    """Let an element of a branch page point elsewhere."""
    image.put_number(branch_id, 16 + 16 * number + 8, "Q", page_id)


def top(image):
    """The root of the tree of `one_bucket`: the last branch page."""
    return image.branch_ids[-1]


# (damage, what is said, the page it is said of, position in it); `i` is the image of `one_bucket`: four levels.
DAMAGES = [
    (lambda i: child(i, top(i), 1, i.branch_ids[0]), "is used twice", lambda i: i.branch_ids[4], 0),
    (lambda i: child(i, top(i), 1, top(i)), "is used twice", top, 0),
    (lambda i: child(i, i.branch_ids[1], 1, top(i)), "is used twice", lambda i: i.branch_ids[1], 0),
    (lambda i: child(i, i.branch_ids[1], 1, i.leaf_ids[0]), "is used twice", lambda i: i.branch_ids[1], 0),
    (lambda i: child(i, i.branch_ids[1], 1, i.leaf_ids[-1]), "outside the bounds", lambda i: i.leaf_ids[-1], 0),
    (lambda i: child(i, top(i), 1, 1 << 50), "referred to", top, 0),
    (lambda i: child(i, top(i), 1, 1), "page 1 referred to", top, 0),
    (lambda i: child(i, top(i), 0, 1), "first child is said to be page 1", top, 16),
    (lambda i: child(i, i.branch_ids[0], 0, i.branch_ids[0]), "more than 32 levels", top, 0),
    (lambda i: child(i, i.branch_ids[1], 1, i.root_id), "page 20 is used twice", lambda i: i.branch_ids[1], 0),
    (lambda i: i.put_number(i.leaf_ids[3], 8, "H", BRANCH), "of the branch kind", lambda i: i.leaf_ids[3], 0),
    (lambda i: i.put_number(i.leaf_ids[3], 0, "Q", 4), "says that it is page 4", lambda i: i.leaf_ids[3], 0),
    (lambda i: i.put_number(i.leaf_ids[3], 12, "I", 1), "is used twice", lambda i: i.leaf_ids[3], 0),
    (lambda i: i.put_number(i.leaf_ids[3], 12, "I", 1 << 31), "at most 16777216 are read", lambda i: i.leaf_ids[3], 0),
    (lambda i: i.put_number(i.leaf_ids[3], 12, "I", 9999), "referred to", lambda i: i.leaf_ids[3], 0),
    (lambda i: i.put_number(i.branch_ids[1], 12, "I", 1), "is used twice", lambda i: i.branch_ids[1], 0),
    (lambda i: i.put_number(i.branch_ids[1], 8, "H", LEAF), "of the leaf kind", lambda i: i.branch_ids[1], 0),
    (lambda i: i.put_number(i.branch_ids[1], 10, "H", 0), "without children", lambda i: i.branch_ids[1], 0),
    (lambda i: i.put(i.branch_ids[1], 64, b"key-011"), "outside the bounds", lambda i: i.branch_ids[1], 0),
    (lambda i: i.put(i.branch_ids[1], 78, b"key-024"), "outside the bounds", lambda i: i.branch_ids[1], 0),
    (lambda i: i.put(i.leaf_ids[4], 80, b"key-015"), "outside the bounds", lambda i: i.leaf_ids[4], 0),
    (lambda i: i.put(i.leaf_ids[4], 152, b"key-020"), "outside the bounds", lambda i: i.leaf_ids[4], 0),
    (lambda i: i.put(i.leaf_ids[4], 80, b"key-018"), "not in ascending order", lambda i: i.leaf_ids[4], 32),
    (lambda i: i.put_number(i.leaf_ids[4], 16, "I", 1), "is a bucket in a bucket", lambda i: i.leaf_ids[4], 87),
    (lambda i: i.put_number(i.root_id, 16, "I", 0), "is not a bucket", lambda i: i.root_id, 37),
    (lambda i: i.put_number(i.root_id, 28, "I", 17), "is not a bucket", lambda i: i.root_id, 37),
    (lambda i: i.put_number(i.root_id, 28, "I", 15), "is not a bucket", lambda i: i.root_id, 37),
    (lambda i: i.put_number(i.root_id, 37, "Q", i.root_id), "is used twice", lambda i: i.root_id, 37),
    (lambda i: i.put_number(i.root_id, 37, "Q", 1 << 63), "referred to", lambda i: i.root_id, 37),
    (lambda i: i.put_number(i.root_id, 37, "Q", 0), "an inline bucket of 0 bytes", lambda i: i.root_id, 53),
]


@pytest.mark.parametrize(("damage", "match", "page", "pos"), DAMAGES)
def test_damaged_trees(tmp_path, damage, match, page, pos):
    image = one_bucket()
    assert len(image.branch_ids) == 4 + 2 + 1 and image.root_id == 20
    damage(image)
    with pytest.raises((Corrupt, Unsupported), match=match) as caught:
        read(tmp_path, image)
    assert str(caught.value).startswith(f"{tmp_path / 'file.db'} at byte {image.off(page(image), pos)}: ")


@pytest.mark.parametrize(
    ("value", "match", "pos"),
    [
        (inline([(0, b"k", b"v")]) + b"!", "1 bytes too many after the last value", 34),
        (inline([])[:-1], "an inline bucket of 15 bytes", 0),
        (inline([]) + b"\0\0", "2 bytes too many", 16),
        (struct.pack("<QQQHHI", 0, 0, 1, LEAF, 0, 0), "page 0 says that it is page 1", 0),
        (struct.pack("<QQQHHI", 0, 0, 0, BRANCH, 0, 0), "of the branch kind", 0),
        (struct.pack("<QQQHHI", 0, 0, 0, LEAF, 0, 1), "an inline bucket with overflow pages", 0),
        (struct.pack("<QQQHHI", 0, 0, 0, LEAF, 1, 0), "table of 1 elements does not fit", 0),
    ],
)
def test_damaged_inline_buckets(tmp_path, value, match, pos):
    image = Image().finish({b"b": (1, value)})
    with pytest.raises(Corrupt, match=match) as caught:
        read(tmp_path, image)
    assert f"at byte {image.off(image.root_id, 16 + 16 + 1 + 16 + pos)}: " in str(caught.value)


def test_a_tree_that_is_deeper_than_any_file_needs(tmp_path):
    image = Image()
    page_id = image.leaf([(0, b"k", b"")])
    for _level in range(40):
        page_id = image.branch([(b"k", page_id)])
    image.finish({b"b": (1, paged(page_id))})
    with pytest.raises(Corrupt, match="a tree of more than 32 levels"):
        read(tmp_path, image)


def test_keys_of_a_log_are_in_byte_order(tmp_path):
    items = [(index_key(index), b"") for index in (1, 255, 256, 1 << 31, 1 << 63)]
    assert read(tmp_path, one_bucket(items=items)) == {b"words": items}
