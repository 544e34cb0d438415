# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The assessment of a cluster: as plain values, and as lines for a terminal of 80 columns. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from .._roll.options import Options
from .._roll.plan import refused, warnings
from .._roll.server import Server
from .._text.lines import table, wrapped
from .._text.sizes import cell
from . import out as times
from .figures import Figures, Times, parse
from .shape import converted
from .verdict import SOME, WORTH, Known, Verdict, of_cluster, verdict

VERSION = 1
NOW = ("server", "role", "backend", "writes/s", "kB/s", "store", "commit", "flush")
CHANGE = ("server", "size", "freelist", "entries", "needs", "free", "conversion", "out")
NOW_MEANT = (
    "store: ms until an entry is in this server's store. commit: until a quorum has",
    "it. flush: ms of fdatasync for 4 kB on its disk.",
)
CHANGE_MEANT = (
    "freelist: written anew at each commit. needs, free: space for the conversion.",
    "conversion: seconds, tried on this host. out: seconds until it is back again.",
)
NEXT = "Next: ansible-playbook raftops.nomad.migrate -i inventory --check --diff"


class One(NamedTuple):
    """One server: as it was found, what was measured on it, and what follows."""

    server: Server
    cost: Mapping[str, Any]
    figures: Figures
    verdict: Verdict
    out: Optional[times.Out]


def merged(cost: Mapping[str, Any], disk: Mapping[str, Any]) -> Dict[str, Any]:
    """What was measured on one server: by raft_cost_info, and by raft_disk_info; {} for nothing."""
    errors = {**(cost.get("errors") or {}), **({"disk": disk["error"]} if disk.get("error") else {})}
    return {**cost, "syncs": disk.get("syncs"), "trial": disk.get("trial") or [], "errors": errors}


def assessed(server: Server, cost: Mapping[str, Any], wanted: str) -> One:
    """What follows from what `merged` gives."""
    found = parse(cost.get("figures") or {})
    known = _known(server, cost, found)
    runs = [(run["data_bytes"], run["seconds"]) for run in cost.get("trial") or ()]
    data = converted(cost.get("data_bytes") or 0, cost.get("entries") or 0)
    out = times.out(runs, data, found.commits_per_s or 0.0) if runs and server.todo else None
    return One(server, cost, found, verdict(known, wanted), out)


def _known(server: Server, cost: Mapping[str, Any], found: Figures) -> Known:
    errors, syncs = cost.get("errors") or {}, cost.get("syncs") or {}
    backend = cost.get("backend") or server.running or server.store
    unknown = str(errors.get("metrics") or server.error).rstrip(". ")
    return Known(server.host, backend, found, syncs.get("median_ms"), bool(cost.get("no_freelist_sync")), unknown)


def assessment(servers: Sequence[Server], costs: Mapping[str, Mapping[str, Any]], options: Options) -> Dict[str, Any]:
    """Everything, as plain values, and `lines`. `costs` are what `merged` gives, by Raft ID."""
    wanted = options.backend
    found = [assessed(server, costs.get(server.id) or {}, wanted) for server in servers]
    whole = of_cluster([_known(one.server, one.cost, one.figures) for one in found], wanted)
    view = next((server.view for server in servers if server.view), None)
    _gate, refusal = refused(servers, options, view)
    outs = [one.out.seconds for one in found if one.out]
    plain: Dict[str, Any] = {
        "version": VERSION,
        "backend": wanted,
        "gain": whole.gain,
        "verdict": whole.sentence(),
        "refused": bool(refusal),
        "refusal": refusal,
        "notes": warnings(servers, options),
        "longest_out_s": max(outs) if outs else None,
        "servers": [_plain(one) for one in found],
    }
    plain["lines"] = lines(found, plain, whole)
    return plain


def _plain(one: One) -> Dict[str, Any]:
    server = one.server
    return {
        "host": server.host,
        "role": server.role,
        "version": server.version,
        "gain": one.verdict.gain,
        "verdict": one.verdict.sentence(),
        "out_s": one.out.seconds if one.out else None,
        "conversion_s": one.out.conversion if one.out else None,
        "needed_bytes": server.needs,
        "available_bytes": server.available,
        **{name: one.cost.get(name) for name in ("size", "entries", "data_bytes", "live_bytes", "no_freelist_sync")},
        "backend": one.cost.get("backend") or server.running,
        **{name: one.cost.get(name) for name in ("syncs", "trial", "errors")},
        **one.figures.values(),
    }


def lines(found: Sequence[One], plain: Mapping[str, Any], whole: Verdict) -> List[str]:
    """Two tables, what their columns mean, what a roll would refuse or note, the verdict, and what is next."""
    told = [f"{one.server.host}: {what}" for one in found for what in (one.cost.get("errors") or {}).values()]
    refusal, moved = plain["refusal"], [one for one in found if one.server.todo]
    stands = f"A roll would be refused now: {refusal}" if refusal else "Nothing stands against a roll now."
    return [
        *table([NOW, *(_now(one) for one in found)]),
        *NOW_MEANT,
        "",
        *([*table([CHANGE, *(_change(one) for one in moved)]), *CHANGE_MEANT, ""] if moved else []),
        *told,
        *plain["notes"],
        *([stands] if moved else []),
        *wrapped(whole.answer()),
        *_outs(plain["longest_out_s"]),
        *([NEXT] if moved and not refusal and whole.gain in (WORTH, SOME) else []),
    ]


def _now(one: One) -> Sequence[object]:
    figures, server = one.figures, one.server
    rate = figures.bytes_per_s
    return (
        server.host,
        server.role,
        one.cost.get("backend") or server.running or server.configured,
        _number(figures.commits_per_s, 1),
        _number(None if rate is None else rate / 1000, 1),
        _mean(figures.append),
        _mean(figures.commit),
        _number((one.cost.get("syncs") or {}).get("median_ms"), 2),
    )


def _change(one: One) -> Sequence[object]:
    server, cost, entries = one.server, one.cost, one.cost.get("entries")
    return (
        server.host,
        _size(cost.get("size")),
        _size(one.figures.freelist_bytes),
        "-" if entries is None else entries,
        _size(server.needs),
        _size(server.available),
        _number(one.out.conversion if one.out else None, 1),
        _number(one.out.seconds if one.out else None, 1),
    )


def _outs(longest_s: Optional[float]) -> List[str]:
    return [] if longest_s is None else [f"A server would be out for about {longest_s:g} s, one at a time."]


def _size(value: Optional[int]) -> str:
    return cell(value).replace("Bytes", "B")


def _number(value: Optional[float], digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _mean(value: Optional[Times]) -> str:
    return "-" if value is None else f"{value.mean_ms:.2f}"
