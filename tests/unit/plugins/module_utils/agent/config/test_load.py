# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What wins when an agent loads several files, and what it would start on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.config import load as config
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import ConfigError
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import StoreError


def write(root: Path, **contents: str) -> list[str]:
    """Files in a directory, by name without suffix, JSON when they begin with a brace; the -config arguments."""
    for name, content in contents.items():
        (root / f"{name}.{'json' if content.startswith('{') else 'hcl'}").write_text(content)
    return [str(root)]


WAL = 'server { raft_logstore { backend = "wal" } }'


@pytest.mark.parametrize(
    ("contents", "backend"),
    [
        ({"a": "server { enabled = true }"}, "boltdb"),
        ({"a": "server { enabled = true }", "b": WAL}, "wal"),
        ({"a": WAL, "b": 'server { raft_logstore { backend = "boltdb" } }'}, "boltdb"),
        ({"a": WAL, "b": "server { raft_logstore { } }"}, "boltdb"),
        ({"a": WAL, "b": "server { raft_logstore { wal { segment_size_mb = 16 } } }"}, "boltdb"),
        ({"a": WAL, "b": '{"server": {"raft_logstore": [{"backend": "boltdb"}]}}'}, "boltdb"),
        ({"a": 'server { raft_logstore { backend = "" } }'}, "boltdb"),
        ({"a": f"{WAL} server {{ enabled = true }}"}, "wal"),
        ({"a": "server { raft_boltdb { no_freelist_sync = true } }"}, "boltdb"),
        ({"a": ""}, "boltdb"),
    ],
)
def test_the_backend_in_effect(tmp_path: Path, contents: dict[str, str], backend: str) -> None:
    assert config.effective_backend(write(tmp_path, **contents)) == backend


def test_the_order_of_arguments_decides_before_the_names(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    first = write(tmp_path / "one", z='server { raft_logstore { backend = "boltdb" } }')
    second = write(tmp_path / "two", a=WAL)
    assert config.effective_backend(first + second) == "wal"
    assert config.effective_backend(second + first) == "boltdb"


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        ({"a": 'server { raft_logstore { backend = "WAL" } }'}, "a.hcl:1:36: Nomad knows no backend 'WAL'"),
        ({"a": "server { raft_logstore { backend = <<E\nwal\nE\n } }"}, "1:36: Nomad knows no backend 'wal\\n'"),
        ({"a": 'server {\n  raft_logstore {\n    backned = "wal"\n  }\n}'}, "a.hcl:3:5: Nomad knows no 'backned'"),
        ({"a": f"{WAL} server {{ raft_boltdb {{ }} }}"}, "both raft_boltdb and raft_logstore"),
        ({"a": WAL, "b": "server { raft_boltdb { } }"}, "both raft_boltdb and raft_logstore"),
        ({"a": "server { raft_logstore { } raft_logstore { } }"}, "1:28: Nomad refuses a second raft_logstore"),
        (
            {"a": 'raft_logstore { backend = "wal" }'},
            "a.hcl:1:1: Nomad takes raft_logstore only directly",
        ),
        ({"a": 'server "raft_boltdb" { }'}, "no label on server"),
        ({"a": 'x raft_logstore { backend = "wal" }'}, "a.hcl:1:3: Nomad takes raft_logstore only"),
        ({"a": "server { x raft_logstore { } }"}, "a.hcl:1:12: Nomad takes raft_logstore only"),
        ({"a": "server {"}, "expected a key, found the file ends"),
        ({"a": WAL, "b": '{"server": {"raft_logstore": {"backend": "wal"}}}'}, "b.json:1:12: "),
        (
            {"a": 'server { raft_logstore { verification { interval = "5" } } }'},
            "a.hcl:1:52: Nomad cannot read the interval '5' and would not start. A duration is written like 5m",
        ),
    ],
)
def test_what_would_not_start_is_no_backend(tmp_path: Path, contents: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        config.effective_backend(write(tmp_path, **contents))
    assert words in str(raised.value) and str(tmp_path) in str(raised.value)


@pytest.mark.parametrize("size", [-1, 0, 2048, 4096, 4097])
def test_a_segment_size_that_breaks_a_running_log_is_refused(tmp_path: Path, size: int) -> None:
    paths = write(tmp_path, a=f'server {{ raft_logstore {{ backend = "wal" wal {{ segment_size_mb = {size} }} }} }}')
    with pytest.raises(ConfigError, match=f"segment_size_mb {size} breaks the log"):
        config.effective_backend(paths)


@pytest.mark.parametrize("size", [1, 2047])
def test_the_outermost_sizes_are_fine(tmp_path: Path, size: int) -> None:
    paths = write(tmp_path, a=f'server {{ raft_logstore {{ backend = "wal" wal {{ segment_size_mb = {size} }} }} }}')
    assert config.load(paths).value(("wal", "segment_size_mb")) == size
    assert config.effective_backend(paths) == "wal"


def test_a_missing_file_is_no_backend(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file"):
        config.effective_backend([str(tmp_path / "absent.hcl")])


DEFAULTS = {
    "data_dir": "",
    "raft_dir": "",
    "server": False,
    "http_host": "127.0.0.1",
    "http_port": 4646,
    "use_ssl": False,
    "verify_https_client": False,
    "region": "global",
    "leave_on_interrupt": False,
    "leave_on_terminate": False,
}


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        ({"a": ""}, {}),
        ({"a": 'data_dir = "/d"'}, {"data_dir": "/d", "raft_dir": "/d/server/raft"}),
        (
            {"a": 'data_dir = "/d" server { enabled = true data_dir = "/s" }'},
            {"data_dir": "/d", "raft_dir": "/s/raft", "server": True},
        ),
        ({"a": 'data_dir = "/d"', "b": 'data_dir = ""'}, {"data_dir": "/d", "raft_dir": "/d/server/raft"}),
        ({"a": 'bind_addr = "10.0.0.1"'}, {"http_host": "10.0.0.1"}),
        ({"a": 'bind_addr = "10.0.0.1"', "b": 'addresses { http = "0.0.0.0" }'}, {"http_host": "127.0.0.1"}),
        ({"a": 'addresses { http = "10.1.1.1 127.0.0.1" }'}, {"http_host": "10.1.1.1"}),
        ({"a": 'bind_addr = "{{ GetPrivateIP }}"'}, {"http_host": ""}),
        ({"a": "bind_addr = <<EOF\n10.0.0.1\nEOF\n"}, {"http_host": "10.0.0.1"}),
        ({"a": "bind_addr = <<-EOF\n  {{ GetPrivateIP }}\n  EOF\n"}, {"http_host": ""}),
        ({"a": "data_dir = <<EOF\n/d\nEOF\n"}, {"data_dir": "/d\n", "raft_dir": "/d\n/server/raft"}),
        ({"a": 'bind_addr = "::"'}, {"http_host": "127.0.0.1"}),
        ({"a": 'bind_addr = "[::1]"'}, {"http_host": "::1"}),
        ({"a": "ports { http = 1 }", "b": 'ports { http = "5646" }', "c": "ports { http = 0 }"}, {"http_port": 5646}),
        (
            {"a": "tls { http = true verify_https_client = true }", "b": "tls { http = false }"},
            {"use_ssl": True, "verify_https_client": True},
        ),
        ({"a": '{"leave_on_interrupt": true, "region": "eu"}'}, {"leave_on_interrupt": True, "region": "eu"}),
        ({"a": "leave_on_terminate = true", "b": "leave_on_terminate = false"}, {"leave_on_terminate": True}),
    ],
)
def test_settings_of_the_agent(tmp_path: Path, contents: dict[str, str], expected: dict[str, Any]) -> None:
    assert config.agent_settings(config.load(write(tmp_path, **contents))) == {**DEFAULTS, **expected}


@pytest.mark.parametrize("form", ['"127.0.0.1\\n"', "<<EOF\n127.0.0.1\nEOF\n", "<<-EOF\n  ::1\n  EOF\n"])
def test_an_address_to_listen_at_must_not_end_in_a_line_end(tmp_path: Path, form: str) -> None:
    with pytest.raises(ConfigError, match=r"a.hcl:1:20: Nomad cannot listen at addresses.http '[0-9.:]+\\n'"):
        config.effective_backend(write(tmp_path, a=f"addresses {{ http = {form} }}"))


@pytest.mark.parametrize("form", ['"127.0.0.1 ::1"', '" ::1"', "<<-EOF\n    ::1\n  EOF\n"])
def test_an_address_to_bind_to_must_not_have_blanks(tmp_path: Path, form: str) -> None:
    paths = write(tmp_path, a=f"bind_addr = {form}\n")
    with pytest.raises(
        ConfigError, match=r"a.hcl:1:13: Nomad cannot listen at bind_addr '[ 0-9.:]+(\\n)?' and would not"
    ):
        config.effective_backend(paths)
    write(tmp_path, b='bind_addr = "::1"')
    assert config.effective_backend(paths) == "boltdb", "the last one is in force"


@pytest.mark.parametrize("form", ['"127.0.0.1 ::1"', '"{{ GetPrivateIP }} "', '""'])
def test_other_addresses_to_listen_at_are_fine(tmp_path: Path, form: str) -> None:
    assert config.effective_backend(write(tmp_path, a=f"addresses {{ http = {form} }}")) == "boltdb"


def test_a_setting_of_a_wrong_type_is_refused_wherever_it_stands(tmp_path: Path) -> None:
    paths = write(tmp_path, a="server { enabled = [] } server { enabled = true }")
    with pytest.raises(ConfigError, match=r"a.hcl:1:20: enabled must be true or false"):
        config.agent_settings(config.load(paths))


def test_a_file_loaded_by_two_names_is_replaced_under_both(tmp_path: Path) -> None:
    paths = write(tmp_path, a=WAL)
    (tmp_path / "b.hcl").symlink_to("a.hcl")
    new = {str(tmp_path / "a.hcl"): b"server { }"}
    assert config.load(paths).backend == "wal" and config.load(paths, new).logstore is None


def test_an_overlay_stands_for_what_is_not_written_yet(tmp_path: Path) -> None:
    paths = write(tmp_path, a="server { enabled = true }")
    new = str(tmp_path / "new.hcl")
    loaded = config.load(paths, {new: WAL.encode()})
    assert loaded.backend == "wal" and loaded.documents[-1].path == new
    assert config.effective_backend(paths) == "boltdb"
