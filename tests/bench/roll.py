# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench-roll`: a roll of three servers there and back, on loopback and over ssh with a long way, in turn.

Each roll is appended to the results as one line of JSON; the section of docs/benchmarks.md is made of all of them.
NOMAD_BIN names a real Nomad; without it, it is the lab server.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

from bench import measure, rollreport
from support.cluster.cluster import Cluster, server_binary
from support.cluster.writer import fill
from support.paths import BUILD, DOCS
from support.rolls import figures
from support.rolls.delayline import LongWay
from support.rolls.overssh import LINKS, ROUND_TRIP_S, hosts_of

FILL_MB = 4
STABLE_S = 10
"""The role's default. The inventories of tests have less."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=BUILD / "bench", help="where the results are kept")
    parser.add_argument("--links", default=";".join(LINKS), help=f"of: {'; '.join(LINKS)}; separated by ;")
    parser.add_argument("--runs", type=int, default=3, help="rolls there and back by each link, each on a new cluster")
    parser.add_argument("--report", action="store_true", help="only write the section from the results")
    return parser.parse_args()


def once(root: Path, links: list[str], results: Path) -> None:
    """There and back by each link, on one cluster."""
    cluster = Cluster(root / "c")
    try:
        cluster.start()
        cluster.wait_healthy()
        fill([(server.address, server.http_port) for server in cluster.servers], FILL_MB)
        with hosts_of(cluster, LongWay(ROUND_TRIP_S)) as (_hosts, inventory):
            for link in links:
                for playbook in ("migrate", "rollback"):
                    flags = ("-e", f"raft_logstore_stable_for={STABLE_S}", *LINKS[link])
                    note(results, link, playbook, figures.roll(cluster, playbook, inventory, *flags))
    finally:
        cluster.stop_all()


def note(results: Path, link: str, playbook: str, found: figures.Figures) -> None:
    """Keep one roll's figures, and show them."""
    line = {
        "agent": "lab" if "lab" in os.path.basename(server_binary()) else "Nomad",
        "link": link,
        "playbook": playbook,
        "machine": measure.machine() + (", with real-time priority" if is_favoured() else ""),
        "date": time.strftime("%Y-%m-%d"),
        **found._asdict(),
    }
    with open(results, "a") as file:
        file.write(json.dumps(line) + "\n")
    outs, beyond = ([f"{seconds:.2f}" for seconds in times] for times in (found.out(), found.beyond()))
    print(f"{line['agent']}, {link}, {playbook}: {found.seconds:.1f} s, {found.tasks} tasks, gap {found.gap:.2f} s")
    print(f"  out {', '.join(outs)} s; beyond {', '.join(beyond)} s; load {os.getloadavg()[0]:.1f}", flush=True)


def is_favoured() -> bool:
    """Whether the scheduler puts this before the other work on the machine, as under `chrt -r 1`."""
    return os.sched_getscheduler(0) != os.SCHED_OTHER


def main() -> None:
    options = arguments()
    options.work.mkdir(parents=True, exist_ok=True)
    results = options.work / "rolls.jsonl"
    for _number in range(0 if options.report else options.runs):
        with tempfile.TemporaryDirectory() as root:
            once(Path(root), options.links.split(";"), results)
    rollreport.write([json.loads(line) for line in results.read_text().splitlines()], DOCS / "benchmarks.md")


if __name__ == "__main__":
    main()
