# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx: the pages in Markdown as they are, beside what antsibull-docs makes in reference/. See tests/tools/docs."""

from __future__ import annotations

import os
import re

from docutils import nodes
from sphinx.application import Sphinx

HERE = re.compile(r"https://github\.com/raftops/raftops\.nomad/(?:blob|tree)/main/([\w/.-]+)\.md(#.*)?")
ANSIBLE = os.environ.get("ANSIBLE_DOCS", "")

project = "raftops.nomad"
copyright = "raftops.nomad contributors"
extensions = ["myst_parser", "sphinx_antsibull_ext"]
include_patterns = ["index.rst", "*.md", "docs/*.md", "reference/**", "roles/**/*.md"]
html_theme = "sphinx_ansible_theme"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
pygments_style = "ansible"
highlight_language = "none"  # of what does not name its own
default_role = "any"
myst_heading_anchors = 3
nitpicky = True

if ANSIBLE:
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {"ansible": (ANSIBLE, None)}
else:
    labels = ("common_return_values", "ansible_configuration_settings", "action_plugins")
    modules = ("ansible_collections.ansible.builtin.pause_module",)
    nitpick_ignore = [("std:ref", name) for name in labels + modules]


def stay_here(app: Sphinx, tree: nodes.document, name: str) -> None:
    """What the pages name by its address on GitHub, for readers elsewhere, is a page of this site."""
    for link in tree.findall(nodes.reference):
        found = HERE.fullmatch(link.get("refuri", ""))
        if found and found[1] in app.env.found_docs:
            link["refuri"] = app.builder.get_relative_uri(name, found[1]) + (found[2] or "")


def setup(app: Sphinx) -> None:
    app.connect("doctree-resolved", stay_here)
