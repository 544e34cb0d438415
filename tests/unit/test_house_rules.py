# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of docs/architecture.md that a program can check: purity, one seam to the disk, size, direction."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

import pytest
from support.paths import CHECKOUT

ROOT = CHECKOUT
UTILS = ROOT / "plugins/module_utils"
PREFIX = "ansible_collections.raftops.nomad.plugins.module_utils"
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 40
MAX_FILES = 12  # in one folder


class Package(NamedTuple):
    """The packages that this one may import from, and its files that are not pure."""

    imports: str
    impure: str = ""


BESIDE = "."  # the files beside the packages, where a package imports from them

# From the ground up: a package may import only from packages above it in this table, and only those that it names.
# All files are pure but those named: no clock, disk or network, and nothing imported that is not pure itself.
PACKAGES = {
    "disk": Package("", "attributes datadir durable mounts places reading syscalls"),
    "raftstore.base": Package("disk", "workers"),
    "raftstore.bbolt": Package("disk", "meta pages reader writer"),
    "raftstore.boltdb": Package("disk raftstore.base raftstore.bbolt", "log reader survey writer"),
    "raftstore.wal": Package("disk raftstore.base raftstore.bbolt", "meta reader segmentreader segmentwriter writer"),
    "raftstore.entries": Package("disk raftstore.base raftstore.wal", "convert"),
    "raftstore.directory": Package(
        "disk raftstore.base raftstore.boltdb raftstore.wal raftstore.entries",
        "covers journal locks observe raftdir readstores snapshots",
    ),
    "raftstore.conversion": Package(
        "disk raftstore.base raftstore.boltdb raftstore.wal raftstore.entries raftstore.directory",
        "backupcopy build preflight refusals reuse run steps",
    ),
    "raftstore": Package(
        "disk raftstore.base raftstore.wal raftstore.entries raftstore.directory raftstore.conversion",
        "describe migrate prospect prune released",
    ),
    "agent": Package(""),
    "agent.config": Package("agent disk", "change ensure files load"),
    "agent.api": Package("agent disk", "client transport"),
    "agent.cluster": Package("agent agent.api disk", "hold leadership observe rights snapshot waiter writecheck"),
    "agent.host": Package("agent disk", "loglines process service validate"),
    "": Package("disk raftstore raftstore.conversion", "progress results"),  # beside the packages
    "roll": Package(""),
    "server": Package(
        "disk raftstore.base raftstore.conversion raftstore agent agent.config agent.api agent.cluster agent.host roll",
        "configured look ondisk rehearse report stopping validation",
    ),
    "server.backend": Package(
        "agent agent.api agent.cluster agent.config agent.host disk raftstore raftstore.conversion raftstore.directory"
        f" roll {BESIDE} server",
        "caller lastlook place process prospect rejoining steps subject transaction undo work",
    ),
}
IMPURE_IMPORTS = {"os", "io", "time", "shutil", "tempfile", "socket", "subprocess", "logging", "fcntl", "http", "ssl"}
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


def package_of(path: Path) -> str:
    """The package below module_utils in which this file is; "plugins" for a file elsewhere."""
    return ".".join(path.relative_to(UTILS).parent.parts) if UTILS in path.parents else "plugins"


def foreign_imports(path: Path) -> set[str]:
    """Top-level names of what a file imports that is not the collection's."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").split(".")[0])
    return found


def own_imports(path: Path) -> set[tuple[str, str]]:
    """(package, file) of each file of module_utils that a file imports, or imports something from."""
    found = set()
    for node in ast.walk(tree(path)):
        if not isinstance(node, ast.ImportFrom):
            continue
        if node.level:
            here = path.relative_to(UTILS).parts[: -node.level] if UTILS in path.parents else ()
            module = ".".join([*here, *([node.module] if node.module else [])])
        elif (node.module or "").startswith(PREFIX):
            module = (node.module or "")[len(PREFIX) :].lstrip(".")
        else:
            continue
        for alias in node.names:
            full = f"{module}.{alias.name}".lstrip(".")
            target = full if (UTILS / (full.replace(".", "/") + ".py")).exists() else module
            package, _dot, name = target.rpartition(".")
            found.add((package, name))
    return found


def public(package: str) -> list[str]:
    """The files of a package that others may import: its __all__."""
    for node in tree(UTILS / package.replace(".", "/") / "__init__.py").body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
            return list(ast.literal_eval(node.value))
    return []


def problems(path: Path) -> list[str]:
    """What is wrong with the imports of one file."""
    mine = package_of(path)
    wrong = []
    for package, name in sorted(own_imports(path)):
        if package == mine:
            continue
        if mine != "plugins" and (package or BESIDE) not in PACKAGES[mine].imports.split():
            wrong.append(f"{mine} may not import from {package}")
        if name not in public(package):
            wrong.append(f"{name} is private to {package}: name it in its __all__, or do without")
    return wrong


def impurities(path: Path) -> list[str]:
    """What one file imports that touches the world, or may."""
    wrong = [f"imports {name}" for name in sorted(foreign_imports(path) & IMPURE_IMPORTS)]
    for package, name in sorted(own_imports(path)):
        if name in PACKAGES[package].impure.split():
            wrong.append(f"imports {package}.{name}")
    return wrong


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


def test_packages_point_one_way() -> None:
    assert {package_of(path) for path in FILES} == set(PACKAGES), "name the package in PACKAGES"
    order = list(PACKAGES)
    for package, (imports, _impure) in PACKAGES.items():
        others = ["" if other == BESIDE else other for other in imports.split()]
        assert all(order.index(other) < order.index(package) for other in others), package


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_says_what_it_is_for(package: str) -> None:
    folder = UTILS / package.replace(".", "/")
    docstring = ast.get_docstring(tree(folder / "__init__.py")) or ""
    assert docstring and len(docstring.splitlines()) <= 10
    first = re.search(r"Open ([a-z0-9/]+\.py)\s+first", docstring)
    assert first and (folder / first.group(1)).exists(), "which file is to be opened first?"
    assert len(list(folder.glob("*.py"))) <= MAX_FILES
    wanted = {
        name for path in PLUGINS if package_of(path) != package for of, name in own_imports(path) if of == package
    }
    assert public(package) == sorted(wanted), "__all__ names what others import, and nothing else"


@pytest.mark.parametrize("path", PLUGINS, ids=names(PLUGINS))
def test_imports_keep_to_the_packages(path: Path) -> None:
    assert problems(path) == []


@pytest.mark.parametrize("path", FILES, ids=names(FILES))
def test_a_file_is_pure_or_named_as_impure(path: Path) -> None:
    named = path.stem in PACKAGES[package_of(path)].impure.split()
    assert bool(impurities(path)) == named, impurities(path) or "it is pure: take it out of PACKAGES"
    assert not named or not re.search(r"\bPure[.:;]", ast.get_docstring(tree(path)) or ""), "it says that it is pure"


@pytest.mark.parametrize("path", SHIPPED, ids=names(SHIPPED))
def test_every_file_says_what_it_owns(path: Path) -> None:
    assert ast.get_docstring(tree(path)), "no module docstring"
    head = path.read_text().splitlines()[:4]
    assert any("SPDX-License-Identifier: GPL-3.0-or-later" in line for line in head)
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
    if path.stem in DISK_FILES and path.parent == UTILS / "disk":
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
    "files": {"os.open"},  # holds a link, to look at it
    "loglines": {"open"},  # reads the agent's log
    "mounts": {"os.open"},  # reads files below /proc
    "places": {"os.open"},  # holds a file or directory, to look at it
    "process": {"os.open", "open"},  # /dev/null in its process; reads files below /proc
    "progress": {"open", "os.open", "os.write", "os.rename", "os.unlink"},  # a file in /run, gone with the run
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


# Interfaces and values: exercised through every other test.
NO_MIRROR = {"errors", "store", "syscalls", "attributes", "outcome", "run", "request", "evidence", "results", "work"}


@pytest.mark.parametrize("path", FILES, ids=names(FILES))
def test_each_file_has_its_mirror(path: Path) -> None:
    if path.stem in NO_MIRROR:
        return  # interfaces and values: exercised through every other test
    mirror = ROOT / "tests/unit" / path.relative_to(ROOT).parent / f"test_{path.name}"
    assert mirror.exists(), f"no {mirror.relative_to(ROOT)}"


def test_the_map_of_the_architecture_is_the_tree() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    rows = re.findall(r"^\| `([a-z/0-9]+)/` \|[^|]*\| (.*) \|$", page, re.M)
    assert [folder.replace("/", ".") for folder, _files in rows] == [package for package in PACKAGES if package]
    for folder, files in rows:
        named = {name: bool(star) for star, name in re.findall(r"(\*?)`([a-z0-9]+)`", files)}
        here = {path.stem for path in (UTILS / folder).glob("*.py")} - {"__init__"}
        impure = PACKAGES[folder.replace("/", ".")].impure.split()
        assert {name for name in named if name in here or named[name]} == here, folder
        assert {name for name in here if named[name]} == set(impure), f"{folder}: italics are for what is not pure"
