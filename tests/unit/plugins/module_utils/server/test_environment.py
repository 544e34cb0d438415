# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables of a unit's command line, as its files have them and as a process was given them."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._server.environment import changed, present

WORDS = ("$NOMAD_ARGS", "${MORE}")
HAD = b"PATH=/bin\0NOMAD_ARGS=-config /srv/a\0"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("NOMAD_ARGS=-config /srv/a\n", ()),
        ('NOMAD_ARGS="-config /srv/a"\n', ()),
        ("# NOMAD_ARGS=-config /srv/b\nNOMAD_ARGS='-config  /srv/a'\n", ()),
        ("NOMAD_ARGS=-config /srv/b\n", ("NOMAD_ARGS",)),
        ('NOMAD_ARGS="-config /srv/a\n', ("NOMAD_ARGS",)),
        ("NOMAD_ARGS=-config /srv/a\nMORE=-dev\n", ("MORE",)),
        ("OTHER=x\n", ()),
        ("", ()),
    ],
)
def test_what_the_next_start_gets_is_compared_with_what_the_process_was_given(
    tmp_path: Path, text: str, told: tuple[str, ...]
) -> None:
    path = tmp_path / "nomad.env"
    path.write_text(text)
    assert changed(WORDS, [str(path)], HAD) == told


def test_the_last_of_several_files_counts_and_each_may_be_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "1.env").write_text("NOMAD_ARGS=-config /srv/b\n")
    (tmp_path / "2.env").write_text("NOMAD_ARGS=-config /srv/a\n")
    pattern = str(tmp_path / "*.env")
    assert present([pattern, "/nowhere"]) == (str(tmp_path / "1.env"), str(tmp_path / "2.env"))
    assert changed(WORDS, [pattern], HAD) == () and changed(WORDS, [str(tmp_path / "1.env")], HAD) == ("NOMAD_ARGS",)
