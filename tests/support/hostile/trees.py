# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""raft.db files whose trees no writer makes: very deep, with cycles, with shared and overlapping pages, with pages that
claim more than they have. Each page by itself is sound, and so are the metas."""

from __future__ import annotations

import random
import struct

from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries import entry
from support.stores import bboltimage, builder
from support.stores.bboltimage import Image, index_key

ENTRIES = [(one.index, entry.encode_msgpack(one)) for one in builder.log(12)]


def odd_tree(rng: random.Random) -> bytes:
    """One of the trees below, with everything else as it should be."""
    image = Image(1024)
    root = rng.choice((_deep, _cycle, _shared, _overlapping, _wide, _far_overflow))(image, rng)
    conf = [(0, key, value) for key, value in sorted(bboltimage.CONF.items())]
    logs = bboltimage.paged(root, rng.choice((0, 7)))
    image.finish({b"logs": (1, logs), b"conf": (1, bboltimage.inline(conf))})
    if rng.random() < 0.4:
        image.seal_both(high_water=rng.choice((1 << 16, 1 << 21, 1 << 26, (1 << 26) + 1, 1 << 40)))
    return bytes(image.data)


def _leaf(image: Image, first: int, count: int) -> tuple[bytes, int]:
    items = [(0, index_key(index), value) for index, value in ENTRIES[first : first + count]]
    return items[0][1], image.leaf(items)


def _deep(image: Image, rng: random.Random) -> int:
    """A chain of branches with one child each, or with two, in which the leaves lie at different depths."""
    key, page = _leaf(image, 0, 3)
    for number in range(rng.choice((1, 5, 31, 32, 33, 60, 400))):
        children = [(key, page)]
        if rng.random() < 0.1 and number < 8:
            children.append(_leaf(image, 3 + number, 1))
        page = image.branch(children)
    return page


def _cycle(image: Image, rng: random.Random) -> int:
    """A branch that names itself, its parent, or a page further up, as first or second child."""
    first, second = _leaf(image, 0, 3), _leaf(image, 3, 3)
    low = image.branch([first, second])
    top = image.branch([(first[0], low), _leaf(image, 6, 3)])
    target = rng.choice((low, top, 0, 1, 2))
    image.put_number(low, 16 + 16 * rng.randrange(2) + 8, "Q", target)
    return rng.choice((top, low))


def _shared(image: Image, rng: random.Random) -> int:
    """Two parents, or one, that name the same child."""
    first, second, third = _leaf(image, 0, 3), _leaf(image, 3, 3), _leaf(image, 6, 3)
    left = image.branch([first, second])
    right = image.branch([(third[0], rng.choice((first[1], second[1], third[1]))), _leaf(image, 9, 3)])
    return image.branch([(first[0], left), (third[0], rng.choice((left, right, right)))])


def _overlapping(image: Image, rng: random.Random) -> int:
    """A leaf whose overflow covers another page of the tree, or the freelist, or what follows the last page."""
    pages = [_leaf(image, first, 3) for first in (0, 3, 6)]
    image.put_number(rng.choice(pages)[1], 12, "I", rng.choice((1, 2, 3, 100, 2**31, 2**32 - 1)))
    return image.branch(pages)


def _wide(image: Image, rng: random.Random) -> int:
    """A page that claims more elements than it has, or a value that ends in another page."""
    pages = [_leaf(image, first, 3) for first in (0, 3)]
    root = image.branch(pages)
    page = rng.choice((pages[0][1], pages[1][1], root))
    if rng.random() < 0.5:
        image.put_number(page, 10, "H", rng.choice((0, 2, 4, 40, 62, 63, 64, 4000, 65534, 65535)))
    else:
        image.put_number(page, 16 + 16 * rng.randrange(3) + 12, "I", rng.choice((0, 900, 2000, 1 << 26, 2**32 - 1)))
    return root


def _far_overflow(image: Image, rng: random.Random) -> int:
    """Values of a length that only a file of many megabytes could have."""
    length = rng.choice((5000, 1 << 20, 16 << 20, 64 << 20, (64 << 20) + 1025))
    page = image.add(bboltimage.LEAF, 1, struct.pack("<IIII", 0, 16, 8, length) + index_key(1) + ENTRIES[0][1])
    image.put_number(page, 12, "I", (length + 40) // 1024)
    return page
