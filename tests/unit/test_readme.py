# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Galaxy shows away from the repository: links that lead somewhere from there, and what its readers must find."""

from __future__ import annotations

import re

import pytest
import yaml
from support.paths import CHECKOUT, ROLE

GALAXY = yaml.safe_load((CHECKOUT / "galaxy.yml").read_text())
BLOB = f"{GALAXY['repository']}/blob/main/"
PAGES = [CHECKOUT / "README.md", ROLE / "README.md"]
TEST_WORKFLOW = CHECKOUT / ".github/workflows/test.yml"
PRIVATE = ("module_utils", "plugin_utils", "doc_fragments")


def links(text: str) -> list[str]:
    """Where the links of a page lead, those that are defined at its end among them."""
    return re.findall(r"\]\(([^)]+)\)", text) + re.findall(r"(?m)^\[[^]]+\]: (\S+)$", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_links_work_away_from_the_repository(page: object) -> None:
    text = (CHECKOUT / str(page)).read_text()
    assert [link for link in links(text) if not link.startswith("https://")] == []
    here = [link[len(BLOB) :].partition("#")[0] for link in links(text) if link.startswith(BLOB)]
    assert here and [path for path in here if not (CHECKOUT / path).exists()] == []
    named = set(re.findall(r"\]\[([^]]+)\]", text))
    assert named == set(re.findall(r"(?m)^\[([^]]+)\]: ", text)), "each is defined once, and used"


def test_the_readme_has_what_a_reader_from_galaxy_must_find() -> None:
    text = (CHECKOUT / "README.md").read_text()
    assert f"ansible-galaxy collection install {GALAXY['namespace']}.{GALAXY['name']}\n" in text
    for link in (
        "semver.org",
        "forum.ansible.com/c/help/6",
        "code_of_conduct.html",
        "blob/main/CHANGELOG.md",
        "blob/main/LICENSE",
    ):
        assert any(link in one for one in links(text)), link
    assert all(f"`plugins/{folder}`" in text for folder in PRIVATE)
    assert GALAXY["license"][0] in text


def test_the_readme_names_the_cores_on_which_the_tests_run() -> None:
    """Those of tests/tools/every-core, each on the Python on which it is tried."""
    text, cases = (CHECKOUT / "README.md").read_text(), (CHECKOUT / "tests/tools/every-core").read_text()
    tried = {
        version: cores.split() for version, cores in re.findall(r'(?m)^    (3\.\d+)\) cores="([0-9. ]+)" ;;', cases)
    }
    assert tried
    for version, cores in tried.items():
        assert f"{' and '.join(cores)} on Python {version}" in text
    entry = text.partition("\n- ansible-core ")[2].partition("\n- ")[0]
    assert set(re.findall(r"\b3\.\d+", entry)) == set(
        yaml.safe_load(TEST_WORKFLOW.read_text())["jobs"]["cores"]["strategy"]["matrix"]["python"]
    )
    oldest = min((core for cores in tried.values() for core in cores), key=lambda core: int(core.split(".")[1]))
    assert yaml.safe_load((CHECKOUT / "meta/runtime.yml").read_text())["requires_ansible"] == f">={oldest}.0"


def test_the_readme_names_the_pythons_on_which_the_stores_are_tried_for_hosts() -> None:
    *most, last = yaml.safe_load(TEST_WORKFLOW.read_text())["jobs"]["hosts"]["strategy"]["matrix"]["python"]
    text = (CHECKOUT / "README.md").read_text()
    assert f"The unit tests of the stores run on {', '.join(most)} and {last} as well" in text


@pytest.mark.parametrize("kind", ["modules/*.py", "filter/*.yml", "../playbooks/*.yml"])
def test_the_readme_names_all_that_can_be_called(kind: str) -> None:
    text = (CHECKOUT / "README.md").read_text().partition("## What is in it")[2].partition("\n## ")[0]
    names = [path.stem for path in (CHECKOUT / "plugins").glob(kind)]
    prefix = f"{GALAXY['namespace']}.{GALAXY['name']}." if "playbooks" in kind else ""
    assert names and [name for name in names if f"`{prefix}{name}`" not in text] == []


def test_the_runbook_says_of_every_module_what_it_does_to_a_server() -> None:
    table = (CHECKOUT / "docs/runbook.md").read_text().partition("## What is read, written and run on a server")[2]
    first = " ".join(line.split("|")[1] for line in table.splitlines() if line.startswith("| `"))
    assert sorted(re.findall(r"`(\w+)`", first)) == sorted(
        path.stem for path in (CHECKOUT / "plugins/modules").glob("*.py")
    )


@pytest.mark.parametrize("folder", PRIVATE)
def test_what_is_private_says_so_itself(folder: str) -> None:
    top = CHECKOUT / "plugins" / folder / "__init__.py"
    files = [top] if top.exists() else sorted(top.parent.glob("*.py"))
    assert files and [path.name for path in files if "Private to the collection" not in path.read_text()] == []
