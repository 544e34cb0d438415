# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/tools/release-check tells a rehearsal from a release. Here the other tools are stubs that pass."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.paths import CHECKOUT

NAME = "raftops-nomad-1.0.0.tar.gz"
TOOLS = {
    "release-tools": 'echo "$PWD/tests/tools"',
    "build-collection": f'mkdir -p "$1"; echo a >"$1/{NAME}"; echo "$1/{NAME}"',
    "sbom": 'echo {} >"$1"',
    "pythons": f"echo {sys.version_info[0]}.{sys.version_info[1]} {sys.executable}",
    **dict.fromkeys(("reuse", "changelog", "galaxy-import", "installed-collection"), ":"),
}
WHOLE = {"RELEASE": "yes", "BUILT_ELSEWHERE": "elsewhere"}


def git(*arguments: str, cwd: Path) -> None:
    who = (
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@example.org",
        "-c",
        "commit.gpgsign=false",
        "-c",
        "tag.gpgsign=false",
    )
    subprocess.run(["git", *who, *arguments], cwd=cwd, check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A clean checkout whose HEAD is the tag of the version, without another Python, and a tarball from elsewhere."""
    tools = tmp_path / "tests/tools"
    tools.mkdir(parents=True)
    for name, does in TOOLS.items():
        (tools / name).write_text(f"#!/bin/sh\n{does}\n")
        (tools / name).chmod(0o755)
    shutil.copy(CHECKOUT / "tests/tools/release-check", tools)
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to(sys.executable)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / NAME).write_text("a\n")
    (tmp_path / ".gitignore").write_text("/.build\n/.venv\n/elsewhere\n")
    git("init", "--quiet", cwd=tmp_path)
    git("add", ".", cwd=tmp_path)
    git("commit", "--quiet", "--message", "a", cwd=tmp_path)
    git("tag", "1.0.0", cwd=tmp_path)
    return tmp_path


def check(checkout: Path, **environment: str) -> tuple[int, str]:
    clean = {name: value for name, value in os.environ.items() if name not in WHOLE}
    ran = subprocess.run(
        [checkout / "tests/tools/release-check"],
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.returncode, ran.stderr


def test_a_release_that_has_all_passes(checkout: Path) -> None:
    assert check(checkout, **WHOLE) == (0, "")
    assert {path.name for path in (checkout / ".build/dist").iterdir()} == {
        NAME,
        "raftops-nomad-1.0.0.cdx.json",
        "SHA256SUMS",
    }


def test_nothing_to_compare_with_is_a_rehearsal(checkout: Path) -> None:
    for release, code in (("", 0), ("yes", 1)):
        ended, said = check(checkout, RELEASE=release)
        assert ended == code
        assert said == (
            "A rehearsal, not release 1.0.0: no tarball of another Python was compared with; "
            "there is no other Python here.\n"
        )


def test_another_tarball_from_elsewhere_fails(checkout: Path) -> None:
    (checkout / "elsewhere" / NAME).write_text("b\n")
    assert check(checkout, BUILT_ELSEWHERE="elsewhere")[0] == 1
    (checkout / "elsewhere" / NAME).unlink()
    assert check(checkout, BUILT_ELSEWHERE="elsewhere")[0] == 2


@pytest.mark.parametrize("fault", ["no tag", "a change", "a fragment"])
def test_what_is_no_release_is_a_rehearsal(checkout: Path, fault: str) -> None:
    if fault == "no tag":
        git("tag", "--delete", "1.0.0", cwd=checkout)
    elif fault == "a change":
        (checkout / "tests/tools/sbom").write_text("#!/bin/sh\necho []>$1\n")
    else:
        (checkout / "changelogs/fragments").mkdir(parents=True)
        (checkout / "changelogs/fragments/a.yml").write_text("a\n")
        git("add", ".", cwd=checkout)
        git("commit", "--quiet", "--message", "b", cwd=checkout)
        git("tag", "--force", "1.0.0", cwd=checkout)
    assert check(checkout, **WHOLE)[0] == 1
    ended, said = check(checkout, BUILT_ELSEWHERE="elsewhere")
    assert (ended, said.count("A rehearsal, not release 1.0.0: ")) == (0, 1)
