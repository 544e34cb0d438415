# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of an event is kept: only what its kind names, of the shape it has there, and never a secret."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._record.kinds import (
    KINDS,
    MAX_ITEMS,
    MAX_TEXT,
    Named,
    event,
)

TOKEN = "5f9c2f0e-77aa-4b3c-9c1d-0123456789ab"
STRANGERS = {
    "token": TOKEN, "secret_id": TOKEN, "accessor_id": TOKEN, "api": {"token": TOKEN, "host": TOKEN}, "log": [TOKEN],
    "invocation": {"module_args": {"token": TOKEN}}, "log_end": [TOKEN], "diff": [{"after": TOKEN}], "stdout": TOKEN,
    "environment": {"NOMAD_TOKEN": TOKEN}, "ansible_facts": {"token": TOKEN},
}  # fmt: skip


def filled(shape: Any) -> Any:
    """A value of this shape, with strangers wherever a dict is."""
    if isinstance(shape, Named):
        return {"one": filled(shape.shape)}
    if isinstance(shape, dict):
        return {**STRANGERS, **{name: filled(inner) for name, inner in shape.items()}}
    if isinstance(shape, list):
        return [filled(shape[0])]
    return {str: "text", int: 1, float: 1.5, bool: True}[shape]


def words(shape: Any) -> Iterator[str]:
    """All names in a shape."""
    if isinstance(shape, dict):
        for name, inner in shape.items():
            yield name
            yield from words(inner)
    elif isinstance(shape, list):
        yield from words(shape[0])


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_named_is_not_kept_however_deep(kind: str) -> None:
    kept = event(kind, 1.0, filled(KINDS[kind]))
    assert TOKEN not in json.dumps(kept)
    assert set(kept) == {"kind", "at", *KINDS[kind]}, "and all that is named is"


@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_names_a_secret(kind: str) -> None:
    assert [word for word in words(KINDS[kind]) if re.search("token|secret|accessor|password|api|key|log$", word)] == []


def test_a_secret_in_a_sentence_is_hidden() -> None:
    kept = event("failed", 1.0, {"message": f"the answer to {TOKEN} was 403"}, ["", TOKEN])
    assert kept["message"] == "the answer to ******** was 403"
    longer = event("failed", 1.0, {"message": f"{TOKEN}-more"}, [TOKEN, f"{TOKEN}-more"])
    assert longer["message"] == "********", "of two secrets, of which one is in the other, nothing is left"
    named = event("latency", 1.0, {"metrics": {TOKEN: 1.0}}, [TOKEN])
    assert named["metrics"] == {"********": 1.0}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"entries": True}, {}),
        ({"entries": 1.5}, {}),
        ({"entries": "1"}, {}),
        ({"entries": None}, {}),
        ({"elapsed": {"total": 1}}, {"elapsed": {"total": 1.0}}),
        ({"elapsed": {"total": float("nan")}}, {"elapsed": {}}),
        ({"elapsed": {"total": float("inf")}}, {"elapsed": {}}),
        ({"elapsed": [1]}, {}),
        ({"resumed": 1}, {}),
        ({"backup": ["x"]}, {}),
    ],
)
def test_a_value_of_another_shape_is_left_out(given: dict[str, Any], kept: dict[str, Any]) -> None:
    assert event("worked", 1.0, {"conversion": given}).get("conversion", {}) == kept


def test_texts_are_what_they_look_like() -> None:
    kept = event("warning", 1.0, {"message": "a\x1b[2Jb\u202ec\ud800d\ne"})
    assert kept["message"] == "a\ufffd[2Jb\ufffdc\ufffdd\ne"


def test_there_is_an_end_to_everything() -> None:
    kept = event("planned", 1.0, {"lines": ["x" * (MAX_TEXT + 1)] * (MAX_ITEMS + 1)})
    assert len(kept["lines"]) == MAX_ITEMS and len(kept["lines"][0]) == MAX_TEXT + 3


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="no events of the kind 'won'"):
        event("won", 1.0, {})
