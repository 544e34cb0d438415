# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a configuration to the wanted one: which file, what stays, in which order, and proof before it is written."""

from __future__ import annotations

import difflib
import random
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.config import change
from ansible_collections.raftops.nomad.plugins.module_utils._agent.config import load as config
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import ConfigError

WAL = {("backend",): "wal"}
BOLTDB = {("backend",): "boltdb"}
MAIN = """# The main file.
data_dir = "/opt/nomad/data"   # kept

server {
  enabled          = true
  bootstrap_expect = 3
}
"""


def write(root: Path, **contents: str) -> list[str]:
    for name, content in contents.items():
        suffix = "json" if content.lstrip().startswith("{") else "hcl"
        (root / f"{name}.{suffix}").write_bytes(content.encode())
    return [str(root)]


def edit(paths: list[str], wanted: dict[Any, Any], file: str = "") -> dict[str, str]:
    """Plan and apply; new contents by file name. A second plan must find nothing to do."""
    found = config.load(paths)
    changes = change.plan(found, wanted, file)
    change.apply(changes, changes and change.owner_model(found), backup=False)  # type: ignore[arg-type]
    again = config.load(paths)
    assert change.plan(again, wanted, file) == []
    return {Path(made.path).name: made.after.decode() for made in changes}


def test_a_directory_gets_a_drop_in_and_the_main_file_is_left_alone(tmp_path: Path) -> None:
    paths = write(tmp_path, nomad=MAIN)
    assert edit(paths, WAL) == {"raft_logstore.hcl": 'server {\n  raft_logstore {\n    backend = "wal"\n  }\n}\n'}
    assert (tmp_path / "nomad.hcl").read_text() == MAIN
    assert config.effective_backend(paths) == "wal"


def test_a_single_file_gets_the_block_into_its_server_block(tmp_path: Path) -> None:
    write(tmp_path, nomad=MAIN)
    edited = edit([str(tmp_path / "nomad.hcl")], {**WAL, ("wal", "segment_size_mb"): 128})
    block = '  raft_logstore {\n    backend = "wal"\n    wal {\n      segment_size_mb = 128\n    }\n  }\n'
    assert edited == {"nomad.hcl": MAIN[:-2] + block + "}\n"}


def test_the_block_that_wins_is_the_one_that_is_edited(tmp_path: Path) -> None:
    first = 'server { raft_logstore { backend = "wal" } }\n'
    second = 'server {\n  raft_logstore { # mine\n    backend = "boltdb" # old\n    boltdb { }\n  }\n}\n'
    assert edit(write(tmp_path, a=first, b=second), WAL) == {"b.hcl": second.replace('"boltdb" #', '"wal" #')}


def test_back_to_boltdb_the_block_stays_with_what_it_has(tmp_path: Path) -> None:
    source = 'server { raft_logstore { backend = "wal" boltdb { no_freelist_sync = 1 } wal { segment_size_mb = 8 } } }'
    paths = write(tmp_path, a=source)
    assert edit(paths, BOLTDB) == {"a.hcl": source.replace('"wal"', '"boltdb"')}
    assert edit(paths, WAL) == {"a.hcl": source}


def test_boltdb_is_in_effect_without_a_block_and_the_old_block_may_stay(tmp_path: Path) -> None:
    paths = write(tmp_path, a="server { raft_boltdb { no_freelist_sync = true } }")
    assert edit(paths, BOLTDB) == {}


def test_a_block_that_names_no_backend_is_on_boltdb_and_stays_as_it_is(tmp_path: Path) -> None:
    paths = write(tmp_path, a="server { raft_logstore { wal { segment_size_mb = 8 } } }")
    assert edit(paths, {**BOLTDB, ("wal", "segment_size_mb"): 8}) == {}
    assert "a.hcl" in edit(paths, {**BOLTDB, ("wal", "segment_size_mb"): 9})


def test_a_file_loaded_twice_is_edited_once(tmp_path: Path) -> None:
    old = "server { raft_boltdb { no_freelist_sync = true } }"
    paths = write(tmp_path, a=old)
    (tmp_path / "b.hcl").symlink_to("a.hcl")
    assert sorted(edit([*paths, str(tmp_path / "a.hcl")], WAL)) == ["a.hcl", "raft_logstore.hcl"]
    assert config.load(paths).value(("boltdb", "no_freelist_sync")) is True
    edit(paths, WAL, str(tmp_path / "b.hcl"))
    assert (tmp_path / "b.hcl").is_symlink()


def test_a_link_is_edited_at_its_target(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "real").write_text(MAIN)
    (tmp_path / "conf/a.hcl").symlink_to("../real")
    assert list(edit([str(tmp_path / "conf")], WAL, str(tmp_path / "conf/a.hcl"))) == ["a.hcl"]
    assert (tmp_path / "conf/a.hcl").is_symlink() and "raft_logstore" in (tmp_path / "real").read_text()


def test_the_old_block_moves_in_the_new_one_first(tmp_path: Path) -> None:
    old = MAIN[:-2] + "  # for speed\n  raft_boltdb {\n    no_freelist_sync = true\n  }\n}\n"
    paths = write(tmp_path, nomad=old)
    edited = edit(paths, WAL)
    assert list(edited) == ["raft_logstore.hcl", "nomad.hcl"]
    assert edited["nomad.hcl"] == MAIN[:-2] + "  # for speed\n}\n"
    assert config.load(paths).value(("boltdb", "no_freelist_sync")) is True


def test_a_run_that_died_between_the_two_is_finished_by_the_next(tmp_path: Path) -> None:
    paths = write(tmp_path, nomad=MAIN[:-2] + "  raft_boltdb {\n    no_freelist_sync = true\n  }\n}\n")
    found = config.load(paths)
    changes = change.plan(found, WAL)
    change.apply(changes[:1], change.owner_model(found), backup=False)
    with pytest.raises(ConfigError, match="both raft_boltdb and raft_logstore"):
        config.effective_backend(paths)
    assert edit(paths, WAL) == {"nomad.hcl": MAIN}
    assert config.load(paths).value(("boltdb", "no_freelist_sync")) is True


def test_the_setting_in_the_new_block_wins_over_the_old_one(tmp_path: Path) -> None:
    old = "  raft_boltdb { no_freelist_sync = true }\n"
    new = "  raft_logstore { boltdb { no_freelist_sync = false } }\n"
    edited = edit(write(tmp_path, a=f"server {{\n{old}{new}}}\n"), WAL)
    assert edited["a.hcl"] == 'server {\n  raft_logstore { boltdb { no_freelist_sync = false } backend = "wal" }\n}\n'


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            '{"server": {"enabled": true}}',
            '{"server": {"enabled": true, "raft_logstore": {"backend": "wal"}}}',
        ),
        (
            '{"server": {"server_join": {"retry_join": ["x"]}}}',
            '{"server": {"server_join": {"retry_join": ["x"]}, "raft_logstore": [{"backend": "wal"}]}}',
        ),
        (
            '{"server": {"enabled": true, "raft_boltdb": {"no_freelist_sync": true}}}',
            '{"server": {"enabled": true, "raft_logstore": {"backend": "wal", "boltdb": {"no_freelist_sync": true}}}}',
        ),
        (
            '{"server": {"server_join": {"x": 1}, "raft_boltdb": [{"no_freelist_sync": true}]}}',
            '{"server": {"server_join": {"x": 1}, '
            '"raft_logstore": [{"backend": "wal", "boltdb": {"no_freelist_sync": true}}]}}',
        ),
        (
            '{"server": [{"raft_logstore": [{"backend": "boltdb"}]}]}',
            '{"server": [{"raft_logstore": [{"backend": "wal"}]}]}',
        ),
    ],
)
def test_json_is_written_so_that_nomad_reads_it(tmp_path: Path, source: str, expected: str) -> None:
    write(tmp_path, a=source)
    assert edit([str(tmp_path / "a.json")], WAL) == {"a.json": expected}


def test_a_json_drop_in_holds_a_list(tmp_path: Path) -> None:
    paths = write(tmp_path, nomad=MAIN)
    edited = edit(paths, WAL, str(tmp_path / "90-raft.json"))
    assert '"raft_logstore": [' in edited["90-raft.json"]


def test_an_existing_file_that_is_named_gets_the_block(tmp_path: Path) -> None:
    paths = write(tmp_path, nomad=MAIN, extra="# mine\n")
    assert list(edit(paths, WAL, str(tmp_path / "extra.hcl"))) == ["extra.hcl"]
    assert (tmp_path / "extra.hcl").read_text().startswith("# mine\nserver {\n")


@pytest.mark.parametrize("name", ["a.conf", "a.hcl~", ".#a.hcl"])
def test_a_file_that_the_agent_would_not_load_is_refused(tmp_path: Path, name: str) -> None:
    paths = write(tmp_path, nomad=MAIN)
    with pytest.raises(ConfigError, match="the agent does not load this file"):
        change.plan(config.load(paths), WAL, str(tmp_path / name))
    with pytest.raises(ConfigError, match="the agent does not load this file"):
        change.plan(config.load(paths), WAL, "/elsewhere/a.hcl")


def test_a_named_file_does_not_make_a_client_a_server(tmp_path: Path) -> None:
    paths = write(tmp_path, a="client { enabled = true }")
    with pytest.raises(ConfigError, match="no file of the agent has a server block"):
        change.plan(config.load(paths), WAL, str(tmp_path / "a.hcl"))


def test_what_a_removal_would_break_is_refused_before_it_is_written(tmp_path: Path) -> None:
    source = '{"server": {"default_scheduler_config": {"x": 1}, "raft_boltdb": [{"no_freelist_sync": true}]}}'
    paths = write(tmp_path, a=source)
    with pytest.raises(ConfigError, match=r"a.json:1:12: Nomad does not accept an object of nothing but objects"):
        change.plan(config.load(paths), WAL)
    edit(paths, WAL, str(tmp_path / "a.json"))  # there, the new block takes the place of the old one


def test_a_configuration_without_a_server_is_not_made_one(tmp_path: Path) -> None:
    for paths in (write(tmp_path, a="client { enabled = true }"), [str(tmp_path / "a.hcl")]):
        with pytest.raises(ConfigError, match="no file of the agent has a server block"):
            change.plan(config.load(paths), WAL)


def test_typos_and_bad_values_stop_it_before_anything_is_written(tmp_path: Path) -> None:
    source = 'server { raft_logstore { backned = "wal" } }'
    with pytest.raises(ConfigError, match="backned"):
        config.load(write(tmp_path, a=source))
    paths = write(tmp_path, a="server { raft_logstore { wal { segment_size_mb = 4096 } } }")
    with pytest.raises(ConfigError, match="segment_size_mb 4096 breaks the log"):
        change.plan(config.load(paths), WAL)
    edit(paths, {**WAL, ("wal", "segment_size_mb"): 64})  # but it can be put right


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (MAIN, "would not have the wanted effect"),
        (MAIN + 'server { raft_logstore { backend = "boltdb" disable_log_cache = true } }', "wanted effect"),
        (MAIN + 'server { raft_logstore { backend = "wal" } }', "wanted effect"),  # a setting is lost
        (MAIN + 'server { raft_logstore { backend = "wal" disable_log_cache = true } raft_boltdb { } }', "both"),
        ('server { raft_logstore { backend = "wal" disable_log_cache = true } }', "wanted effect"),  # all else is lost
    ],
)
def test_the_proof_finds_what_an_edit_could_do_wrong(tmp_path: Path, after: str, words: str) -> None:
    paths = write(tmp_path, a=MAIN + "server { raft_logstore { disable_log_cache = true } }")
    before = config.load(paths)
    good = MAIN + 'server { raft_logstore { backend = "wal" disable_log_cache = true } }'
    change.prove(before, config.load(paths, {str(tmp_path / "a.hcl"): good.encode()}), WAL)
    with pytest.raises(ConfigError, match=words):
        change.prove(before, config.load(paths, {str(tmp_path / "a.hcl"): after.encode()}), WAL)


def test_all_settings_are_set_and_kept(tmp_path: Path) -> None:
    paths = write(tmp_path, a="server { raft_logstore { verification { enabled = false } } }")
    wanted = {
        **WAL,
        ("wal", "segment_size_mb"): 32,
        ("disable_log_cache",): True,
        ("verification", "enabled"): True,
        ("verification", "interval"): "1m",
    }
    edit(paths, wanted)
    assert config.load(paths).logstore.values == wanted  # type: ignore[union-attr]


AROUND = [
    'server {{{eol}  enabled = true{eol}{eol}  # lead{eol}  raft_logstore {{ backend = "boltdb" }} // line{eol}}}',
    'server {{{eol}\traft_logstore {{{eol}\t\t# c{eol}\t\tbackend = "boltdb"{eol}\t}}{eol}}}{eol}',
    'a = <<E{eol}raft_logstore {{ backend = "x" }}{eol}E{eol}SERVER {{ Raft_LogStore {{ }} }}',
    "server {{ enabled = true }}{eol}/* server {{ raft_logstore {{ }} }} */{eol}",
]


@pytest.mark.parametrize("eol", ["\n", "\r\n"])
@pytest.mark.parametrize("text", AROUND)
def test_every_other_byte_is_kept(tmp_path: Path, text: str, eol: str) -> None:
    source = text.format(eol=eol)
    path = tmp_path / "a.hcl"
    path.write_bytes(source.encode())
    edit([str(path)], WAL)
    after = path.read_bytes().decode()
    matcher = difflib.SequenceMatcher(None, source, after, autojunk=False)
    changes = [op for op in matcher.get_opcodes() if op[0] != "equal"]
    removed = "".join(source[op[1] : op[2]] for op in changes)
    assert set(removed) <= set("boltdb"), changes
    assert after.count("\n") == after.count(eol)


SOUP = [
    *(bytes([byte]) for byte in b'{}[]=,:"\\$#/*<-\n\r \t.01ex\0\xff'),
    *(b"<<E\n", b"\nE\n", b"${", b"/*", b"\xc3\xa4"),
]
SEEDS = [MAIN.encode(), b'{"server": {"x": 1, "raft_logstore": {"backend": "wal"}}}', b"a = <<E\nx\nE\nserver {}"]
SEEDS.append(
    b'server { raft_logstore { wal { segment_size_mb = 0x40 } verification { interval = "1m" } } raft_boltdb { } }'
)


def test_any_bytes_give_a_plan_or_an_error_with_file_line_and_column(tmp_path: Path) -> None:
    chance = random.Random(20261125)
    path = tmp_path / "a.hcl"
    outcomes = {"plan": 0, "error": 0}
    for _try in range(3_000):
        content = chance.choice(SEEDS) if chance.random() < 0.8 else chance.randbytes(chance.randint(0, 40))
        for _change in range(chance.randint(0, 4)):
            at, length = chance.randint(0, len(content)), chance.choice([0, 0, 1, 5])
            content = content[:at] + chance.choice([*SOUP, b""]) + content[at + length :]
        path.write_bytes(content)
        try:
            found = config.load([str(path)])
        except ConfigError as error:
            assert error.path == str(path) and error.line >= 1 and error.column >= 1, content
            outcomes["error"] += 1
            continue
        try:
            change.plan(found, WAL)
            outcomes["plan"] += 1
        except ConfigError as error:
            assert str(error).startswith(str(path)), content
    assert min(outcomes.values()) > 300, outcomes
