# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""snapshot_save: options, modes, results; what is kept and what is not is in the test of its library."""

from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.raftops.nomad.plugins.modules import snapshot_save
from support.agent_server import AgentServer, Answer, recorded
from support.paths import ANSWERS
from support.recordings import recording
from support.run_module import documented, run

BODY = (ANSWERS / "snapshot-save-stale-follower.body.tgz").read_bytes()
PATH = "/v1/operator/snapshot"


def play(server: AgentServer) -> None:
    digest = recording("snapshot-save-stale-follower")["headers"]["Digest"]
    server.on(PATH, Answer(200, {"Digest": digest}, chunks=lambda: iter([BODY])))


def test_it_keeps_the_snapshot_and_returns_what_it_documents(server: AgentServer, tmp_path: Path) -> None:
    play(server)
    dest = tmp_path / "snapshots"
    result = run(snapshot_save, port=server.port, dest=str(dest))
    ansibles_own = {"owner", "group", "mode", "state", "uid", "gid", "secontext"}  # of any result with a path
    assert set(result) - ansibles_own == documented(snapshot_save) | {"changed"}
    assert result["changed"] and os.listdir(dest) == [Path(result["path"]).name]
    assert Path(result["path"]).read_bytes() == BODY
    assert server.seen[0].path == PATH
    run(snapshot_save, port=server.port, dest=str(dest), stale=True, name="second.snap")
    assert server.seen[-1].path == f"{PATH}?stale=" and (dest / "second.snap").exists()


def test_check_mode_takes_none(server: AgentServer, tmp_path: Path) -> None:
    result = run(snapshot_save, port=server.port, dest=str(tmp_path / "snapshots"), check_mode=True)
    assert result["changed"] and result["path"] == f"{tmp_path}/snapshots/" and server.seen == []
    assert not (tmp_path / "snapshots").exists()


def test_nothing_is_replaced_and_no_name_leads_out(server: AgentServer, tmp_path: Path) -> None:
    play(server)
    tmp_path.chmod(0o700)
    (tmp_path / "a.snap").write_bytes(b"mine")
    for check_mode in (True, False):
        result = run(snapshot_save, port=server.port, dest=str(tmp_path), name="a.snap", check_mode=check_mode)
        assert "exists" in result["msg"]
    for name in ("../a", ".hidden"):
        assert "plain file name" in run(snapshot_save, port=server.port, dest=str(tmp_path), name=name)["msg"]
    assert (tmp_path / "a.snap").read_bytes() == b"mine" and server.seen == []


def test_a_refusal_is_a_sentence_and_leaves_nothing(server: AgentServer, tmp_path: Path) -> None:
    server.on(PATH, recorded("acl-snapshot-operator_read"))
    result = run(snapshot_save, port=server.port, dest=str(tmp_path / "snapshots"))
    assert "snapshot-save" in result["msg"] and os.listdir(tmp_path / "snapshots") == []


def test_a_directory_open_to_others_is_refused_in_check_mode_too(server: AgentServer, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    assert "others can write" in run(snapshot_save, port=server.port, dest=str(tmp_path), check_mode=True)["msg"]
