# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench`: our converter beside HashiCorp's own, alternating, warm and cold.

Each run is appended to the results as one line of JSON, so that it can be done in slices (--stores, --subjects,
--direction, --cache); --report makes docs/benchmarks.md and its chart of all that was measured so far.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from bench import measure, report
from bench.subjects import COMPARED, STORES, SUBJECTS, TO_WAL, Job, Subject
from support.paths import BUILD, DOCS, JUDGE


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=BUILD / "bench", help="stores and results; needs 3 GB")
    parser.add_argument("--stores", default=",".join(COMPARED), help=f"of: {', '.join(STORES)}")
    parser.add_argument("--subjects", default="", help="names, separated by ;, default all")
    parser.add_argument("--direction", default="", help="to WAL or to BoltDB, default both")
    parser.add_argument("--cache", default="warm,cold")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--python", default="/usr/bin/python3", help="the interpreter of a managed host")
    parser.add_argument("--seconds", type=float, default=1e9, help="begin no run after so many seconds")
    parser.add_argument("--report", action="store_true", help="only write docs/benchmarks.md from the results")
    return parser.parse_args()


def store(work: Path, name: str, direction: str) -> Path:
    """The store to convert, made by the judge the first time."""
    shape, count, size = STORES[name]
    boltdb = work / f"{name.replace(' ', '-')}.db"
    wal = boltdb.with_suffix(".wal")
    if not boltdb.exists():
        subprocess.run([JUDGE, "gen", "-shape", shape, f"-count={count}", f"-size={size}", boltdb],
                       check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    if direction != TO_WAL and not wal.exists():
        subprocess.run([JUDGE, "to-wal", "-batch=1048576", boltdb, wal], check=True, stdout=subprocess.DEVNULL)
    return boltdb if direction == TO_WAL else wal


def once(subject: Subject, source: Path, cache: str, options: argparse.Namespace) -> dict[str, object]:
    fresh = options.work / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    command = subject.command(Job(source, fresh, options.python))
    os.sync()
    copies = list(fresh.rglob("raft.db")) or [source]
    for path in copies:
        (measure.remember if cache == "warm" else measure.forget)(path)
    run = measure.run(command)
    seconds, crc = {"process": run.seconds}, ""
    if subject.name.startswith("ours"):
        output = json.loads(run.output)
        seconds.update(output["seconds"])
        crc = output["crc32c"]
    elif subject.name.startswith("Go"):
        seconds["conversion"] = json.loads(run.output)["seconds"]
    elif subject.name in ("cp + fsync", "Nomad"):
        seconds["conversion"] = run.seconds
    elif subject.name == "module":
        seconds["with verification"] = run.seconds
    shutil.rmtree(fresh)
    return {"seconds": seconds, "crc32c": crc, "cpu": run.cpu, "peak": run.peak}


def main() -> None:
    options = arguments()
    options.work.mkdir(parents=True, exist_ok=True)
    results = options.work / "results.jsonl"
    ends = time.monotonic() + options.seconds
    chosen = [subject for subject in SUBJECTS
              if (not options.subjects or subject.name in options.subjects.split(";"))
              and (not options.direction or subject.direction == options.direction)]  # fmt: skip
    for number in range(0 if options.report else options.runs):
        for name in options.stores.split(","):
            for cache in options.cache.split(","):
                for subject in chosen:
                    if time.monotonic() > ends:
                        return
                    found = once(subject, store(options.work, name, subject.direction), cache, options)
                    line = {"store": name, "cache": cache, "subject": subject.name, "direction": subject.direction,
                            "date": time.strftime("%Y-%m-%d"), "machine": measure.machine(), **found}  # fmt: skip
                    with open(results, "a") as file:
                        file.write(json.dumps(line) + "\n")
                    print(number + 1, name, cache, subject.direction, subject.name,
                          {key: round(value, 2) for key, value in found["seconds"].items()},
                          f"cpu {found['cpu']:.2f} s, {found['peak'] >> 20} MB", flush=True)  # fmt: skip
    report.write([json.loads(line) for line in results.read_text().splitlines()], DOCS)


if __name__ == "__main__":
    main()
