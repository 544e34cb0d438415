# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a record says of a cluster."""

from __future__ import annotations

import re

from ansible_collections.raftops.nomad.plugins.module_utils._fleet import states
from support.paths import DOCS


def test_clusters_keep_their_order_and_the_unknown_have_not_begun() -> None:
    run = {"clusters": ["b", "a"], "states": {"a": {"state": states.ROLLED, "began": 3, "over": True}}}
    assert [(one.name, one.state, one.began) for one in states.clusters(run)] == [
        ("b", "not begun", 0),
        ("a", "rolled", 3),
    ]


def test_every_word_is_counted_the_worst_first() -> None:
    words = [value for name, value in vars(states).items() if name.isupper() and isinstance(value, str)]
    assert sorted(words) == sorted(states.WORST_FIRST)
    found = [states.Cluster("a", states.ROLLED), states.Cluster("b", states.FAILED), states.Cluster("c", states.ROLLED)]
    assert list(states.count(found).items()) == [("failed", 1), ("rolled", 2)]


def test_the_documentation_has_every_word_with_what_to_do() -> None:
    text = (DOCS / "fleet.md").read_text()
    rows = re.findall(r"^\| `([a-z ]+)` \| (.+) \| (.+) \|$", text[text.index("## States") :].split("\n## ")[0], re.M)
    assert sorted(word for word, _meaning, _todo in rows) == sorted(states.WORST_FIRST)


def test_the_number_of_a_wave() -> None:
    assert [states.wave_of(name, [["a"], ["b", "c"]]) for name in ("a", "c", "x")] == [1, 2, 0]
