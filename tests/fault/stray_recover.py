#!/usr/bin/env python3
"""Somebody runs the library's own db5.3_recover on the store while its owner
serves, under load. The logs lie where that tool does not look, so that it
changes nothing: no acknowledged event is lost.
"""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from campaign import verdict
from stand import CALL_S, Stand, compare, effort, end_load, skip, wait_for

RECOVER = shutil.which("db5.3_recover")


def folders(stand):
    """The store, and where its databases are."""
    return [stand.store] + sorted({folder for folder, _, files
                                   in os.walk(stand.store)
                                   if any(f.startswith("events-")
                                          for f in files)})


def main():
    if RECOVER is None:
        skip("no db5.3_recover: apt-get install db5.3-util")
    wrong = []
    with Stand() as stand:
        stand.start()
        stand.add_endpoint()
        load = stand.load(connections=16, again=50)
        for _ in range(effort(2, 4, 20)):
            # Plain, and "catastrophic", which reads every log it finds.
            for how in ([], ["-c"]):
                acked = load.board.acked
                wait_for("load in its stride", 60,
                         lambda: load.board.acked > acked + 200)
                looked = folders(stand)
                for folder in looked:
                    subprocess.run([RECOVER, *how, "-h", folder],
                                   stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, timeout=CALL_S)
        acked = load.board.acked
        wait_for("load in its stride", 60,
                 lambda: load.board.acked > acked + 200)
        figures = end_load(load)
        # What the owner holds in memory is gone: the files are the truth.
        stand.cut_power()
        stand.start()
        result = compare(stand, [load.journal])
        damage = stand.run("store", "check", check=False)
    print(f"in {len(looked)} folders: {result['acked']} acknowledged, "
          f"{len(result['lost'])} lost, {len(result['twice'])} twice")
    if len(looked) < 2:
        wrong.append("the databases were not found: no proof")
    if result["lost"] or result["twice"]:
        wrong.append(f"lost {result['lost'][:5]}, twice {result['twice'][:5]}")
    if figures["timed-out"]:
        wrong.append(f"{figures['timed-out']} requests had no answer")
    if damage.returncode != 0:
        wrong.append(f"eyelet-store check: {damage.stdout}{damage.stderr}")
    verdict(wrong)


main()
