# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of the packages below plugins/module_utils: who may import from whom, what is private, and what is pure.

All are private to the collection, which an underscore says in front of each name there: `agent` here is `_agent`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from support.paths import DOCS, PLUGINS

UTILS = PLUGINS / "module_utils"
PREFIX = "ansible_collections.raftops.nomad.plugins.module_utils"
ALL = sorted(PLUGINS.rglob("*.py"))
FILES = [path for path in ALL if UTILS in path.parents and path.stem != "__init__"]
MAX_FILES = 12  # in one folder


class Package(NamedTuple):
    """The packages that this one may import from, and its files that are not pure."""

    imports: str
    impure: str = ""


BESIDE = "."  # the files beside the packages, where a package imports from them

# From the ground up: a package may import only from packages above it in this table, and only those that it names.
# All files are pure but those named: no clock, disk or network, and nothing imported that is not pure itself.
PACKAGES = {
    "text": Package(""),
    "disk": Package("text", "attributes datadir durable mounts places reading syscalls"),
    "raftstore.base": Package("disk", "workers"),
    "raftstore.bbolt": Package("disk", "meta pages pageset reader writer"),
    "raftstore.boltdb": Package("disk raftstore.base raftstore.bbolt", "log reader survey writer"),
    "raftstore.wal": Package("disk raftstore.base raftstore.bbolt", "meta reader segmentreader segmentwriter writer"),
    "raftstore.entries": Package("disk raftstore.base raftstore.wal", "convert"),
    "raftstore.directory": Package(
        "disk raftstore.base raftstore.boltdb raftstore.wal raftstore.entries",
        "covers journal locks observe raftdir readstores snapshots",
    ),
    "raftstore.conversion": Package(
        "text disk raftstore.base raftstore.boltdb raftstore.wal raftstore.entries raftstore.directory",
        "backupcopy build preflight refusals reuse run steps",
    ),
    "raftstore.rehearsal": Package(
        "disk raftstore.base raftstore.directory raftstore.conversion", "clone priority scratch"
    ),
    "raftstore": Package(
        "text disk raftstore.base raftstore.wal raftstore.entries raftstore.directory raftstore.conversion"
        " raftstore.rehearsal",
        "describe migrate prospect prune rehearse released",
    ),
    "agent": Package(""),
    "agent.config": Package("agent disk", "change ensure files load"),
    "agent.api": Package("agent disk", "client connection transport"),
    "agent.cluster": Package(
        "text agent agent.api disk", "hold leadership listening observe rights snapshot snapshotfiles waiter writecheck"
    ),
    "agent.host": Package("text agent disk", "loglines process service validate"),
    "": Package("disk raftstore raftstore.conversion", "arguments progress results"),  # beside the packages
    "roll.host": Package(""),
    "roll.wish": Package(""),
    "roll": Package("text disk agent agent.cluster agent.host roll.host roll.wish"),
    "roll.turns": Package("agent.cluster roll text"),
    "record": Package(""),
    "record.page": Package("record text"),
    "fleet": Package("text"),
    "assess": Package("text agent.api disk roll"),
    "measure": Package(
        "disk raftstore.base raftstore.boltdb raftstore.entries raftstore.directory raftstore.conversion"
        " raftstore.rehearsal raftstore agent agent.api assess",
        "cost disk files sampling scratch syncs trial",
    ),
    "server": Package(
        "disk raftstore.base raftstore.conversion raftstore agent agent.config agent.api agent.cluster agent.host"
        " roll.host",
        "configured environment look metadata ondisk rehearse report startfiles stopping validation where",
    ),
    "server.backend": Package(
        "agent agent.api agent.cluster agent.config agent.host disk raftstore raftstore.conversion raftstore.directory"
        f" roll.host {BESIDE} server",
        "caller lastlook place process prospect rejoining steps subject transaction undo work",
    ),
}
# Functions of bytes all the same: they look for faster code on the host.
CHECKSUMS = {"crc32c.py", "crc64.py"}
# What a pure file may import beside the collection's own: everything else can touch the world.
PURE_IMPORTS = {
    "__future__", "array", "base64", "bisect", "collections", "contextlib", "dataclasses", "datetime", "enum", "errno",
    "difflib", "fractions", "functools", "html", "itertools", "json", "math", "operator", "posixpath", "re", "shlex",
    "string", "struct", "textwrap", "types", "typing", "unicodedata",
}  # fmt: skip


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(PLUGINS)) for path in paths]


def package_of(path: Path) -> str:
    """The package below module_utils in which this file is; "plugins" for a file elsewhere."""
    return ".".join(path.relative_to(UTILS).parent.parts).lstrip("_") if UTILS in path.parents else "plugins"


def folder_of(package: str) -> Path:
    return UTILS / f"_{package.replace('.', '/')}" if package else UTILS


def imports(source: str, path: Path) -> Iterator[tuple[str, str]]:
    """(module, name) of each import in a file's source; a relative one is made absolute, "" for a whole module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                here = [*PREFIX.split("."), *path.relative_to(UTILS).parts[:-1]]
                module = ".".join([*here[: len(here) - node.level + 1], *([module] if module else [])])
            yield from ((module, alias.name) for alias in node.names)


def foreign_imports(source: str, path: Path) -> set[str]:
    """Top-level names of what a file imports that is not the collection's."""
    return {module.split(".")[0] for module, _name in imports(source, path)} - {"ansible_collections"}


def own_imports(source: str, path: Path) -> set[tuple[str, str, str]]:
    """(package, file, name) of all that a file imports from files of module_utils; name "" for the file itself."""
    found = set()
    for module, name in imports(source, path):
        full = f"{module}.{name}".rstrip(".")
        if f"{full}.".startswith(f"{PREFIX}.") or PREFIX.startswith(f"{full}."):
            dotted = full[len(PREFIX) :].lstrip("._")
            is_file = folder_of(dotted).with_suffix(".py").exists()
            target = dotted if is_file else dotted.rpartition(".")[0]
            package, _dot, file = target.rpartition(".")
            found.add((package, file, "" if is_file else name))
    return found


def public(package: str) -> list[str]:
    """The files of a package that others may import: its __all__."""
    for node in tree(folder_of(package) / "__init__.py").body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
            return [name.lstrip("_") for name in ast.literal_eval(node.value)]
    return []


def problems(source: str, path: Path) -> list[str]:
    """What is wrong with the imports of one file."""
    mine = package_of(path)
    wrong = []
    for package, file, name in sorted(own_imports(source, path)):
        if package == mine:
            continue
        if mine != "plugins" and (package or BESIDE) not in PACKAGES[mine].imports.split():
            wrong.append(f"{mine} may not import from {package}")
        if file not in public(package):
            wrong.append(f"{file or 'the package'} is private to {package}: name it in its __all__, or do without")
        if name.startswith("_"):
            wrong.append(f"{name} is private to {package}.{file}")
    return wrong


def impurities(source: str, path: Path) -> list[str]:
    """What one file imports that touches the world, or may."""
    wrong = [f"imports {name}" for name in sorted(foreign_imports(source, path) - PURE_IMPORTS)]
    for package, file, _name in sorted(own_imports(source, path)):
        if file in PACKAGES[package].impure.split():
            wrong.append(f"imports {package}.{file}")
    return wrong


SERVICE, TABLE = UTILS / "_agent/host/service.py", UTILS / "_raftstore/conversion/table.py"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (UTILS / "_raftstore/base/names.py", "from ..conversion import table"),
        (UTILS / "_raftstore/base/names.py", "from ..conversion.table import plan"),
        (TABLE, "from ..wal import segmentreader"),
        (TABLE, "from ..directory.covers import _covers_vote"),
        (SERVICE, "from ..._raftstore import migrate"),
        (SERVICE, f"import {PREFIX}._raftstore.migrate"),
        (SERVICE, f"from {PREFIX} import _raftstore"),
        (SERVICE, "def late():\n    from ..._raftstore.migrate import migrate"),
        (UTILS / "_raftstore/migrate.py", "from .._agent.api import client"),
        (PLUGINS / "modules/server_wait.py", f"from {PREFIX}._agent.api.transport import connect"),
        (PLUGINS / "modules/server_wait.py", "from ansible_collections.raftops.nomad.plugins import module_utils"),
    ],
)
def test_the_rules_refuse(path: Path, line: str) -> None:
    assert problems(line, path) != []


@pytest.mark.parametrize(
    "line", ["import os", "from pathlib import Path", "import importlib", "from ..directory import locks"]
)
def test_what_is_not_pure_is_seen(line: str) -> None:
    assert impurities(line, TABLE) != []


def test_packages_point_one_way() -> None:
    assert {package_of(path) for path in FILES} == set(PACKAGES), "name the package in PACKAGES"
    order = list(PACKAGES)
    for package, (imports, _impure) in PACKAGES.items():
        others = ["" if other == BESIDE else other for other in imports.split()]
        assert all(order.index(other) < order.index(package) for other in others), package


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_says_what_it_is_for(package: str) -> None:
    folder = folder_of(package)
    docstring = ast.get_docstring(tree(folder / "__init__.py")) or ""
    assert docstring and len(docstring.splitlines()) <= 10
    first = re.search(r"Open ([a-z0-9_/]+\.py)\s+first", docstring)
    assert first and (folder / first.group(1)).exists(), "which file is to be opened first?"
    assert len(list(folder.glob("*.py"))) <= MAX_FILES
    wanted = {
        name
        for path in ALL
        if package_of(path) != package
        for of, name, _what in own_imports(path.read_text(), path)
        if of == package
    }
    assert public(package) == sorted(wanted), "__all__ names what others import, and nothing else"


@pytest.mark.parametrize("path", ALL, ids=names(ALL))
def test_imports_keep_to_the_packages(path: Path) -> None:
    assert problems(path.read_text(), path) == []


@pytest.mark.parametrize("path", FILES, ids=names(FILES))
def test_a_file_is_pure_or_named_as_impure(path: Path) -> None:
    named = path.stem.lstrip("_") in PACKAGES[package_of(path)].impure.split()
    found = impurities(path.read_text(), path)
    assert bool(found) == named or path.name in CHECKSUMS, found or "it is pure: take it out of PACKAGES"
    assert not named or not re.search(r"\bPure[.:;]", ast.get_docstring(tree(path)) or ""), "it says that it is pure"


def test_the_map_of_the_architecture_is_the_tree() -> None:
    page = (DOCS / "architecture.md").read_text()
    rows = re.findall(r"^\| `_([a-z/0-9]+)/` \|[^|]*\| (.*) \|$", page, re.M)
    assert [folder.replace("/", ".") for folder, _files in rows] == [package for package in PACKAGES if package]
    for folder, files in rows:
        named = {name: bool(star) for star, name in re.findall(r"(\*?)`([a-z0-9]+)`", files)}
        here = {path.stem for path in (UTILS / f"_{folder}").glob("*.py")} - {"__init__"}
        impure = PACKAGES[folder.replace("/", ".")].impure.split()
        assert {name for name in named if name in here or named[name]} == here, folder
        assert {name for name in here if named[name]} == set(impure), f"{folder}: italics are for what is not pure"


def test_what_runs_outside_the_suite_imports_what_is_there() -> None:
    """Helpers of molecule, which no other test starts."""
    for path in (PLUGINS.parent / "extensions").rglob("*.py"):
        for module, name in re.findall(r"^from module_utils\.([\w.]+) import (\w+)$", path.read_text(), re.M):
            file = UTILS / (module.replace(".", "/") + ".py")
            defined = {getattr(node, "name", "") for node in tree(file).body}
            assert name in defined, f"{path.name}: {module}.{name}"
