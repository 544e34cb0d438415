# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made of the output of `nomad config validate`, as Nomad 2.0.5 prints it; and its time limit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.host import validate
from ansible_collections.raftops.nomad.plugins.module_utils._agent.host.service import Ran

VALID = Ran(
    0,
    "WARNING: Bootstrap mode enabled! Potentially unsafe operation.\nConfiguration is valid!\n",
    "WARNING: mTLS is not configured - Nomad is not secure without mTLS!\n",
)
TYPO = "Error loading configuration from /e: Error loading /e/a.hcl: server unexpected keys raft_logstor"
REFUSED = [
    (Ran(1, "", f"Configuration is invalid\n1 error occurred:\n\t* {TYPO}\n\n\n"), TYPO),
    (
        Ran(
            1, 'Must specify "data_dir" config option or "data-dir" CLI flag\nConfiguration is invalid\n', VALID.stderr
        ),
        'Must specify "data_dir" config option or "data-dir" CLI flag',
    ),
    (Ran(1, "", "2 errors occurred:\n\t* one\n\t* two\n"), "one; two"),
    (Ran(1, "", ""), "it ended with exit code 1 and gave no reason"),
]


def test_a_configuration_that_is_taken_in_spite_of_warnings() -> None:
    asked: list[Sequence[str]] = []

    def run(command: Sequence[str], seconds: float) -> Ran:
        asked.append([*command, f"{seconds:g}"])
        return VALID

    assert validate.validate("/usr/bin/nomad", ["/etc/nomad.d", "/x.hcl"], run)[:2] == (True, True)
    assert asked == [["/usr/bin/nomad", "config", "validate", "/etc/nomad.d", "/x.hcl", "20"]]


@pytest.mark.parametrize(("ran", "said"), REFUSED)
def test_one_that_is_refused(ran: Ran, said: str) -> None:
    assert validate.validate("nomad", ["/e"], lambda _command, _seconds: ran) == (True, False, said)


def test_a_long_reason_is_cut() -> None:
    assert len(validate.complaint(Ran(1, "", "x" * 5000))) == validate.MAX_SAID


def test_no_answer() -> None:
    def late(command: Sequence[str], seconds: float) -> Ran:
        raise asyncio.TimeoutError

    assert validate.validate("nomad", ["/e"], late) == (False, False, "it has not answered within 20 seconds")
    assert validate.validate("/nowhere/nomad", ["/e"])[2] == "it cannot be run: No such file or directory"
    assert not validate.validate("nomad", ["/e"], lambda _command, _seconds: Ran(127, "", "what?")).asked


def test_a_program_that_hangs_is_ended_and_gets_nothing_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nomad"
    program.write_text("#!/bin/sh\nenv; pwd; cat\n")
    program.chmod(0o755)
    monkeypatch.setenv("NOMAD_TOKEN", "secret")
    ran = validate.run_for([str(program)], 5)
    assert ran.code == 0 and "NOMAD_TOKEN" not in ran.stdout and ran.stdout.endswith("\n/\n")
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    with pytest.raises(asyncio.TimeoutError):
        validate.run_for([str(program)], 0.2)
