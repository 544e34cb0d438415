# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One page over all clusters of a fleet, HTML that needs nothing but itself. Pure.

The worst clusters come first; what is well is below, in the order of the fleet. Everything that comes from a record is
text, whatever it has in it.
"""

from __future__ import annotations

import html
from typing import Any, Dict, List, Mapping, Sequence

from . import states
from .moments import clock, length
from .states import Cluster
from .table import numbers

STYLE = """
:root { color-scheme: light dark; --back: #fff; --text: #222; --line: #ddd; --track: #eee;
  --bad: #a00; --ok: #060; --other: #850; --bar: #36c; --link: #0645ad }
@media screen and (prefers-color-scheme: dark) { :root { --back: #10151c; --text: #e5eaf0; --line: #2d3744;
  --track: #19202a; --bad: #ff8a80; --ok: #6fcf97; --other: #f2c14e; --bar: #5b92f5; --link: #8ab4f8 } }
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 76em; padding: 0 1em; color: var(--text);
  background: var(--back) }
a { color: var(--link) } h1 { font-size: 1.4em } p { margin: .3em 0 }
table { border-collapse: collapse; width: 100%; margin-top: 1em }
th, td { text-align: left; padding: .25em .7em .25em 0; border-bottom: 1px solid var(--line); vertical-align: top }
td:not(:last-child) { white-space: nowrap }
th { position: sticky; top: 0; background: var(--back) } td.n { text-align: right; font-variant-numeric: tabular-nums }
.bad { color: var(--bad); font-weight: 600 } .ok { color: var(--ok) } .other { color: var(--other) }
.line { display: block; max-width: 46em } code { font-size: .85em; overflow-wrap: anywhere }
.track { display: block; width: 12em; height: .8em; background: var(--track); position: relative; margin-top: .3em }
.bar { position: absolute; height: 100%; min-width: 2px; background: var(--bar) } .bar.bad { background: var(--bad) }
@page { size: A4 landscape; margin: 11mm }
@media print { * { print-color-adjust: exact; -webkit-print-color-adjust: exact }
  body { font-size: 10px; margin: 0; max-width: none; padding: 0 } th { position: static }
  tr { break-inside: avoid } thead { display: table-header-group } a { color: inherit } }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"  # no script, nothing from elsewhere, whatever is in a name
GOOD = frozenset((states.ASSESSED, states.ROLLED, states.IN_ORDER, states.WELL))


def merged(runs: Sequence[Mapping[str, Any]]) -> Dict[str, Any]:
    """One run with the clusters of all of these, each as the last run that had it has left it; the last was it of them.

    Waves and order are those of the widest run, of the last one of these: others were run with --limit.
    """
    widest = max(reversed(runs), key=lambda run: (len(run["clusters"]), bool(run["waves"])))
    names = list(dict.fromkeys(name for run in (widest, *runs) for name in run["clusters"]))
    known = {name: _known([run["states"].get(name, {}) for run in runs if name in run["clusters"]]) for name in names}
    return {**runs[-1], "clusters": names, "waves": widest["waves"], "states": known}


def _known(told: Sequence[Mapping[str, Any]]) -> Dict[str, Any]:
    """What is known of a cluster after its runs: what needed no roll in the last has the times of its last roll."""
    known = dict(told[-1])
    rolled = [one for one in told[:-1] if one.get("state") in (states.ROLLED, states.ROLLING) and one.get("ended")]
    if known.get("state") == states.IN_ORDER and rolled:
        known.update({key: rolled[-1][key] for key in ("began", "ended", "log", "report") if key in rolled[-1]})
    return known


def page(run: Mapping[str, Any]) -> str:
    """The whole page of one run."""
    found = states.clusters(run)
    order = sorted(found, key=lambda one: states.WORST_FIRST.index(one.state))
    begins = [one.began for one in found if one.began] or [run["began"]]
    ends = [one.ended for one in found if one.ended] or begins
    head = f"{numbers(found)} {len(run['waves'])} waves. Begun {clock(run['began'])}."
    span = f"Rolls from {clock(min(begins))} to {clock(max(ends))}, {length(max(ends) - min(begins))}."
    rows = "\n".join(_row(one, run["waves"], min(begins), max(ends)) for one in order)
    titles = "".join(
        f"<th>{title}</th>" for title in ("cluster", "wave", "state", "servers", "on", "began", "took", "")
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_text(POLICY)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>Fleet: {_text(run['do'])}</title><style>{STYLE}</style></head>"
        f"<body>\n<h1>Fleet: {_text(run['do'])}</h1>\n<p>{_text(head)}</p>\n"
        f"<p>{_text(span)}</p>\n<p><code>{_text(run['command'])}</code></p>\n"
        f"<table><thead><tr>{titles}</tr></thead><tbody>\n{rows}\n</tbody></table>\n</body></html>\n"
    )


def _row(one: Cluster, waves: Sequence[Sequence[str]], first: float, last: float) -> str:
    kind = "bad" if one.state in states.BAD else "ok" if one.state in GOOD else "other"
    told = f'<span class="line">{_text(one.line)}</span>' if one.line else ""
    where = f"<code>{_text(one.log)}</code>" if one.state in states.BAD and one.log else ""
    took = one.ended - one.began if one.began and one.ended else 0
    band = ""
    if took and last > first:
        left, width = 100 * (one.began - first) / (last - first), 100 * took / (last - first)
        band = (
            f'<span class="track"><span class="bar {kind}" style="left:{left:.1f}%;width:{width:.1f}%"></span></span>'
        )
    name = f'<a href="{_text(one.report)}">{_text(one.name)}</a>' if one.report else _text(one.name)
    cells: List[str] = [
        f"<td>{name}</td>",
        f'<td class="n">{states.wave_of(one.name, waves) or ""}</td>',
        f'<td class="{kind}">{_text(one.state)}</td>',
        f'<td class="n">{one.servers or ""}</td>',
        f"<td>{_text(one.backend)}</td>",
        f"<td>{clock(one.began) if one.began else ''}</td>",
        f'<td class="n">{length(took) if took else ""}</td>',
        f"<td>{band}{told}{where}</td>",
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _text(value: object) -> str:
    return html.escape(str(value))
