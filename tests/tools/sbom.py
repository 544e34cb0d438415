# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a software bill of materials (CycloneDX 1.6, JSON): what runs on which machine, and what only tests use.

    sbom.py CHECKOUT FILE

What the collection needs is ansible-core and Python on the machine that runs Ansible, and a Python on the servers. What
tests and releases use has the scope `excluded`: the packages that requirements/*.txt pin, without those that they bring
along, all modules of the Go programs, and actionlint, without its own modules. There is no time in it: it is the same
until one of these changes.
"""

from __future__ import annotations

import json
import re
import sys
import uuid
from pathlib import Path
from typing import Any, Dict, List
from urllib.parse import quote

import yaml

PIN = re.compile(r"(?P<name>[\w.-]+)(\[[\w,.-]+\])?==(?P<version>[\w.+!-]+)(\s*;.*)?(\s+#.*)?")
MODULE = re.compile(r"(?P<path>[\w./~-]+\.[\w./~-]+) (?P<version>v[\w.+-]+)( // indirect)?")
ACTIONLINT = re.compile(r"(?m)^ACTIONLINT := \S+/actionlint-(?P<version>[\d.]+)$")
REPLACED = re.compile(r"replace (?P<path>\S+) => (?P<by>\S+) (?P<version>\S+)")
Component = Dict[str, Any]
CONTROLLER = "the machine that runs Ansible"
SERVERS = "the servers, if it is there already"
AT_RUN_TIME = [
    ("ansible-core", "application", "required", CONTROLLER),
    ("python", "platform", "required", f"{CONTROLLER}; the servers: those that its ansible-core supports there"),
    ("crc32c", "library", "optional", SERVERS),
    ("google-crc32c", "library", "optional", SERVERS),
    ("libext2fs", "library", "optional", SERVERS),
    ("liblzma", "library", "optional", SERVERS),
]
"""Name, type, scope and place. The optional ones compute checksums, of which Python does all by itself as well."""
BRINGS_ALONG = ("pkg:pypi/", "pkg:golang/github.com/rhysd/actionlint@")
"""What itself needs more than is listed."""


def pinned(text: str, where: str) -> List[Component]:
    """The packages of one requirements file. ValueError for a line that pins nothing: it says nothing a year later."""
    found = []
    for line in text.splitlines():
        if not line or line.startswith(("#", "-r ")):
            continue
        pin = PIN.fullmatch(line.strip())
        if pin is None:
            raise ValueError(f"{where}: '{line}' is no NAME==VERSION.")
        name = re.sub(r"[-_.]+", "-", pin["name"]).lower()
        found.append(_excluded(f"pkg:pypi/{name}@{quote(pin['version'], safe='')}", name, pin["version"], where))
    return found


def go_modules(text: str, where: str) -> List[Component]:
    """All modules that one go.mod requires, those that only others require included, as replaced."""
    instead = {line["path"]: line for line in REPLACED.finditer(text)}
    found = []
    for line in text.splitlines():
        module = MODULE.fullmatch(line.strip())
        if module:
            path, version = module["path"], module["version"]
            if path in instead:
                path, version = instead[path]["by"], instead[path]["version"]
            found.append(_excluded(f"pkg:golang/{path.lower()}@{quote(version, safe='')}", path, version, where))
    return found


def actionlint(text: str, where: str) -> Component:
    """The one program that the Makefile installs by its version. ValueError where it names none."""
    found = ACTIONLINT.search(text)
    if found is None:
        raise ValueError(f"{where} does not name the version of actionlint.")
    path, version = "github.com/rhysd/actionlint", f"v{found['version']}"
    return _excluded(f"pkg:golang/{path}@{version}", path, version, where)


def _excluded(purl: str, name: str, version: str, where: str) -> Component:
    used = [{"name": "raftops:used-by", "value": where}]
    about = {"type": "library", "name": name, "version": version, "scope": "excluded"}
    return {**about, "bom-ref": purl, "purl": purl, "properties": used}


def merged(components: List[Component]) -> List[Component]:
    """One component for each version of a thing, with all files that name it, by its reference."""
    found: Dict[str, Component] = {}
    for component in components:
        known = found.setdefault(component["bom-ref"], {**component, "properties": []})
        known["properties"] += component["properties"]
    return [found[ref] for ref in sorted(found)]


def bom(galaxy: Dict[str, Any], requires_ansible: str, tests: List[Component]) -> Dict[str, Any]:
    """The whole document. `galaxy` is what galaxy.yml says."""
    if galaxy["dependencies"]:
        raise ValueError("galaxy.yml has dependencies: the bill of materials does not know other collections yet.")
    name = f"{galaxy['namespace']}.{galaxy['name']}"
    root = {
        "type": "application",
        "bom-ref": name,
        "name": name,
        "version": galaxy["version"],
        "description": galaxy["description"],
        "licenses": [{"license": {"id": galaxy["license"][0]}}],
        "purl": f"pkg:generic/{name}@{galaxy['version']}",
        "externalReferences": [{"type": "vcs", "url": galaxy["repository"]}],
    }
    at_run_time = [
        {
            "type": kind,
            "bom-ref": ref,
            "name": ref,
            "scope": scope,
            "properties": [{"name": "raftops:where", "value": where}],
        }
        for ref, kind, scope, where in AT_RUN_TIME
    ]
    at_run_time[0]["properties"].append({"name": "raftops:versions", "value": requires_ansible})
    tests = merged(tests)
    content = {
        "metadata": {"component": root},
        "components": [*at_run_time, *tests],
        "dependencies": [{"ref": name, "dependsOn": [ref for ref, *_more in AT_RUN_TIME]}],
        "compositions": [
            {"aggregate": "complete", "dependencies": [name]},
            {
                "aggregate": "incomplete",
                "assemblies": [c["bom-ref"] for c in tests if c["purl"].startswith(BRINGS_ALONG)],
            },
        ],
    }
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(content, sort_keys=True))
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": serial.urn, "version": 1, **content}


def of_checkout(checkout: Path) -> str:
    """The document as text, from the files of the checkout."""
    tests = []
    for path in sorted((checkout / "requirements").glob("*.txt")):
        tests += pinned(path.read_text(), f"requirements/{path.name}")
    for path in sorted(checkout.glob("tests/*/go.mod")):
        tests += go_modules(path.read_text(), str(path.relative_to(checkout)))
    tests.append(actionlint((checkout / "Makefile").read_text(), "Makefile"))
    galaxy = yaml.safe_load((checkout / "galaxy.yml").read_text())
    runtime = yaml.safe_load((checkout / "meta/runtime.yml").read_text())
    return json.dumps(bom(galaxy, runtime["requires_ansible"], tests), indent=2) + "\n"


def main(checkout: str, target: str) -> None:
    # here, so that the tests need no validator
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = of_checkout(Path(checkout))
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if wrong is not None:
        sys.exit(f"The bill of materials is not CycloneDX 1.6: {wrong}")
    Path(target).write_text(text)
    print(f"CycloneDX 1.6, valid: {len(json.loads(text)['components'])} components in {target}")


if __name__ == "__main__":
    main(*sys.argv[1:])
