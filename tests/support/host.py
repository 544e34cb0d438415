# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host for tests of server_info: a recorded store, a configuration that leads to it, a systemctl that is played."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ansible_collections.raftops.nomad.plugins.module_utils._agent.host.service import Ran
from support.recordings import unpack_store

NODE_ID = "e93eaec1-b82a-bf92-f2a5-79d404511e21"
OPTIONS = (
    "host port use_ssl validate_certs ca_path client_cert client_key tls_server_name region token data_dir config_path"
    " stop_command start_command status_command wal_segment_size config_file backup_dir log_file"
)


class Host:
    """Files below `root` like those of Nomad's package; `port` is where its configuration says that the API is."""

    def __init__(self, root: Path, port: int = 1) -> None:
        self.root = root
        self.data_dir, self.config_dir = root / "data", root / "nomad.d"
        self.raft_dir = self.data_dir / "server/raft"
        self.raft_dir.parent.mkdir(parents=True)
        unpack_store("follower", self.raft_dir.parent)
        (self.raft_dir.parent / "node-id").write_text(NODE_ID)
        self.config_dir.mkdir()
        self.hcl = self.config_dir / "nomad.hcl"
        self.hcl.write_text(
            f'data_dir = "{self.data_dir}"\nbind_addr = "127.0.0.1"\nports {{ http = {port} }}\n'
            "server {\n  enabled = true\n}\n"
        )
        self.shown = (
            f"MainPID=0\nExecStart={{ path=/usr/bin/nomad ; argv[]=/usr/bin/nomad agent -config {self.config_dir} ; "
            "ignore_errors=no }\nKillSignal=2\nLoadState=loaded\nActiveState=active\nNeedDaemonReload=no\n"
        )

    def systemctl(self, arguments: Sequence[str]) -> Ran:
        """What systemd says of the unit."""
        assert arguments[:2] == ["systemctl", "show"] and arguments[-1] == "nomad.service"
        return Ran(0, self.shown, "")

    def given(self, **options: Any) -> dict[str, Any]:
        """The module's parameters."""
        defaults = {"timeout": 10, "service_manager": "systemd", "service_name": "nomad", "backend": "wal"}
        defaults["snapshot_dir"] = str(self.root / "snapshots")
        return {**dict.fromkeys(OPTIONS.split()), **defaults, **options}
