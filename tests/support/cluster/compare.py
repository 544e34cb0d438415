# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparing a running server's answers with those recorded from Nomad 2.0.5 (tests/fixtures/nomad-2.0.5/api).

What is compared is what a client can rely on: status, content type, the fields of the body and their types. Values
differ from cluster to cluster. Starts no server.
"""

from __future__ import annotations

from typing import Any, Collection, List

from support.cluster.http_api import Answer
from support.recordings import recording


def assert_like(answer: Answer, case: str, open_fields: Collection[str] = ()) -> None:
    """Fail when status, content type or shape differ. Below `open_fields` (names) everything is allowed."""
    wanted = recording(case)
    assert (answer.status, answer.headers.get("content-type")) == (
        wanted["status"],
        wanted["headers"]["Content-Type"],
    ), f"{case}: {answer.body!r:.300}"
    found = differences(wanted["body"], answer.body, set(open_fields))
    assert not found, f"{case}: " + "; ".join(found)


def assert_same_error(answer: Answer, case: str) -> None:
    """Fail unless status, content type and the text of an error are exactly the recorded ones."""
    assert_like(answer, case)
    assert answer.body == recording(case)["body"]


def differences(wanted: Any, found: Any, open_fields: Collection[str], where: str = "body") -> List[str]:
    """Sentences, one for each missing, additional or differently typed field. Of a list the first element counts."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        unlike = [f"{where} lacks {key}" for key in sorted(wanted.keys() - found.keys() - set(open_fields))]
        unlike += [f"{where} has {key}" for key in sorted(found.keys() - wanted.keys() - set(open_fields))]
        for key in sorted((wanted.keys() & found.keys()) - set(open_fields)):
            unlike += differences(wanted[key], found[key], open_fields, f"{where}.{key}")
        return unlike
    if isinstance(wanted, list) and isinstance(found, list):
        if bool(wanted) != bool(found):
            return [f"{where} has {len(found)} elements, recorded were {len(wanted)}"]
        return [line for element in found for line in differences(wanted[0], element, open_fields, f"{where}[]")]
    if type(wanted) is not type(found):
        return [f"{where} is {type(found).__name__} ({found!r:.60}), recorded was {type(wanted).__name__}"]
    return []
