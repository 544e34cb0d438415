# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster's token is in the environment of its own process, in no argument, output, record or report."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest
from support.fleet.fixtures import MakeStandIns

TOKENS = {"eu-1": "0f2d9a7c-secret-of-eu-1", "eu-2": "77b1c4e0-secret-of-eu-2"}


def digest(name: str) -> str:
    return hashlib.sha256(TOKENS[name].encode()).hexdigest()


@pytest.mark.parametrize("engine", ["ansible-playbook", "ansible-runner"])
def test_a_token_goes_to_its_cluster_and_nowhere_else(
    standins: MakeStandIns, tmp_path: Path, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = standins([*TOKENS, "eu-3"])
    hidden = tmp_path / "hidden"
    hidden.write_text(TOKENS["eu-2"] + "\n")
    by = {"eu-1": {"raft_fleet_token_env": "TOKEN_OF_EU_1"}, "eu-2": {"raft_fleet_token_command": f"cat {hidden}"}}
    fleet.write(by, raft_fleet_engine=engine)
    fleet.set("eu-2", "hang")
    monkeypatch.setenv("TOKEN_OF_EU_1", TOKENS["eu-1"])
    run = fleet.start("-vvv")
    shown = ""
    while run.poll() is None:
        shown += subprocess.run(["ps", "-eo", "args="], capture_output=True, text=True, check=True).stdout
        if fleet.calls("eu-2"):
            fleet.set("eu-2", "well")
    output = run.communicate()[0]
    report = fleet.run(playbook="fleet_report").stdout
    assert run.returncode == 0 and fleet.rolled() == fleet.names, output
    for name in TOKENS:
        assert {
            call["token"] for what in ("plan", "migrate") for call in fleet.calls(name, what) if "token" in call
        } == {digest(name)}
    assert {call.get("token", "") for call in fleet.calls("eu-3")} == {""}
    others = [call for name in ("eu-2", "eu-3") for call in fleet.calls(name, "plan") + fleet.calls(name)]
    assert [call for call in others if "TOKEN_OF_EU_1" in call.get("environment", ())] == []
    hidden.unlink()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 20
    for token in TOKENS.values():
        assert token not in shown and token not in output and token not in report
        assert [path for path in files if token.encode() in path.read_bytes()] == []
