# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables and sentences as lines."""

from __future__ import annotations

from ansible_collections.raftops.nomad.plugins.module_utils._text.lines import table, wrapped


def test_columns_are_as_wide_as_needed_and_lines_end_where_their_text_does() -> None:
    assert table([("a", "bc", "d"), (10, "", "")]) == ["a   bc  d", "10"]


def test_a_sentence_is_broken_between_words_and_a_path_never() -> None:
    path = "/var/lib/" + "nomad-raft-" * 8 + "snapshots"
    lines = wrapped(f"s1: {'word ' * 20}in {path} and so on")
    assert path in [line.strip() for line in lines] and " ".join(line.strip() for line in lines).count("word") == 20
    assert all(len(line) <= 78 for line in lines if path not in line)
    assert all(line.startswith("  ") for line in lines[1:])
