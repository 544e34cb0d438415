# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules that a program can check in one file: size, docstrings, one seam to the disk. More: test_packages.py."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from support.paths import CHECKOUT

ROOT = CHECKOUT
UTILS = ROOT / "plugins/module_utils"
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 40

CHANGING_CALLS = {
    "open", "rename", "replace", "link", "symlink", "unlink", "remove", "rmdir", "mkdir", "makedirs", "truncate",
    "ftruncate", "fsync", "fdatasync", "write", "pwrite", "writev", "pwritev", "chmod", "fchmod", "chown", "fchown",
    "setxattr", "posix_fallocate", "mkfifo", "mknod",
}  # fmt: skip
DISK_FILES = {"durable", "syscalls", "attributes"}
SHIPPED = sorted(UTILS.rglob("*.py"))
FILES = [path for path in SHIPPED if path.stem != "__init__"]
PLUGINS = sorted((ROOT / "plugins").rglob("*.py"))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


@pytest.mark.parametrize("path", PLUGINS, ids=names(PLUGINS))
def test_files_and_functions_are_small(path: Path) -> None:
    source = path.read_text()
    documentation = "".join(re.findall(r'^(?:DOCUMENTATION|EXAMPLES|RETURN) = r?"""(.*?)^"""', source, re.S | re.M))
    documentation += "".join(re.findall(r"^(?:DOCUMENTATION|EXAMPLES|RETURN) = r?'''(.*?)^'''", source, re.S | re.M))
    lines = source.count("\n") - documentation.count("\n")
    if "doc_fragments" not in path.parts:
        assert lines <= MAX_FILE_LINES, f"{lines} lines: is there a second idea in it?"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= MAX_FUNCTION_LINES, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", SHIPPED, ids=names(SHIPPED))
def test_every_file_says_what_it_owns(path: Path) -> None:
    assert ast.get_docstring(tree(path)), "no module docstring"
    assert "from __future__ import annotations" in path.read_text()


@pytest.mark.parametrize("path", SHIPPED, ids=names(SHIPPED))
def test_public_functions_have_docstrings(path: Path) -> None:
    module = tree(path)
    public = [node for node in module.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    public += [
        member
        for node in public
        if isinstance(node, ast.ClassDef)
        for member in node.body
        if isinstance(member, ast.FunctionDef)
    ]
    missing = [node.name for node in public if not node.name.startswith("_") and not ast.get_docstring(node)]
    assert missing == []


@pytest.mark.parametrize("path", SHIPPED, ids=names(SHIPPED))
def test_only_the_durable_layer_changes_files(path: Path) -> None:
    if path.stem in DISK_FILES and path.parent == UTILS / "_disk":
        return
    calls = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            target = node.func
            if isinstance(target, ast.Name) and target.id == "open":
                calls.add("open")
            if (
                isinstance(target, ast.Attribute)
                and isinstance(target.value, ast.Name)
                and target.value.id in {"os", "shutil"}
            ):
                calls.add(f"os.{target.attr}") if target.attr in CHANGING_CALLS else None
    assert calls - ALLOWED.get(path.stem, set()) == set()


# Each exception with its reason; none of them touches a file below a raft directory.
ALLOWED: dict[str, set[str]] = {
    "workers": {"os.open", "os.write"},  # /dev/null in a worker; the worker's pipe
    "datadir": {"os.open"},  # holds a link of root's, to look at it, and opens where it leads
    "files": {"os.open"},  # holds a link, to look at it
    "loglines": {"open"},  # reads the agent's log
    "mounts": {"os.open"},  # reads files below /proc
    "places": {"os.open"},  # holds a file or directory, to look at it
    "process": {"os.open", "open"},  # /dev/null in its process; reads files below /proc
    "syncs": {"os.fdatasync"},  # of a scratch file, to see how long it takes
    "_progress": {"open", "os.open", "os.write", "os.rename", "os.unlink"},  # a file in /run, gone with the run
}


@pytest.mark.parametrize("path", SHIPPED, ids=names(SHIPPED))
def test_assert_is_for_constants_at_import(path: Path) -> None:
    for node in ast.walk(tree(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert not [n for n in ast.walk(node) if isinstance(n, ast.Assert)], f"{node.name} asserts on data"


@pytest.mark.parametrize("path", SHIPPED, ids=names(SHIPPED))
def test_no_broad_except(path: Path) -> None:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ExceptHandler):
            broad = node.type is None or (
                isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}
            )
            reraises = any(isinstance(n, ast.Raise) for n in ast.walk(node))
            # In a process of its own nobody else is there to hear of a bug: it must be told, and the server started.
            assert not broad or reraises or path.stem in {"workers", "transaction"}, f"line {node.lineno}"


@pytest.mark.parametrize("path", SHIPPED, ids=names(SHIPPED))
def test_no_advice_to_wipe_without_another_look(path: Path) -> None:
    """Wipe and rejoin destroys what a server has. That its data_dir is on NFS is no finding about the store."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.JoinedStr) and path.stem != "mounts":
            named = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            assert "REJOIN" not in named or "LOOK_AGAIN" in named, f"line {node.lineno}"


@pytest.mark.parametrize("path", SHIPPED, ids=names(SHIPPED))
def test_a_held_directory_is_listed_in_one_place(path: Path) -> None:
    """Through a descriptor that was opened earlier a listing may be an old one; durable.py knows how."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("listdir", "scandir", "fwalk"):
            assert path.stem == "durable" or not ast.unparse(node.args[0]).endswith("fd"), f"line {node.lineno}"


# Interfaces and values: exercised through every other test.
NO_MIRROR = {
    "errors",
    "store",
    "syscalls",
    "attributes",
    "outcome",
    "run",
    "request",
    "evidence",
    "results",
    "segmentsize",
    "work",
}


@pytest.mark.parametrize("path", FILES, ids=names(FILES))
def test_each_file_has_its_mirror(path: Path) -> None:
    if path.stem.lstrip("_") in NO_MIRROR:
        return  # interfaces and values: exercised through every other test
    private = path.relative_to(ROOT).as_posix().replace("/_", "/")
    mirror = (ROOT / "tests/unit" / private).with_name(f"test_{path.name.lstrip('_')}")
    assert mirror.exists(), f"no {mirror.relative_to(ROOT)}"
