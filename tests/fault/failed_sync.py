#!/usr/bin/env python3
"""A sync of the store fails under load: what waits for it is answered 503,
the service comes back by itself, and nothing acknowledged is lost, although
the disk forgets what was to be synced, as Linux does.
"""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from machine import slack
from stand import Stand, compare, effort, end_load, wait_for

BACK_S = 5.0


def fail_and_recover(stand, load, count):
    """count failing syncs (-1: all, for a while); how long until all is well."""
    board = load.board
    acked, failed = board.acked, stand.disk.get("failed_syncs")
    wait_for("load in its stride", 30, lambda: board.acked > acked + 200)
    stand.disk.set("fail_syncs", count)
    wait_for("a sync fails", 30,
             lambda: stand.disk.get("failed_syncs") > failed)
    if count < 0:
        time.sleep(0.5)
        stand.disk.set("fail_syncs", 0)
    acked = board.acked
    return wait_for("service is back", 30, lambda: board.acked > acked + 64)


def main():
    rounds = effort(2, 6, 50)
    with Stand(disk=True) as stand:
        stand.start()
        stand.add_endpoint()
        load = stand.load(connections=64, again=50)
        back = []
        for i in range(rounds):
            back.append(fail_and_recover(stand, load, -1 if i % 2 else 1))
        figures = end_load(load)
        # What the disk holds, not what a cache still shows, is the truth.
        stand.cut_power()
        stand.disk.cut("none", 1)
        stand.start()
        result = compare(stand, [load.journal])
        damage = stand.run("store", "check", check=False)
    failed = stand.disk.get("failed_syncs")
    print(f"{failed} syncs failed in {rounds} rounds; back after at most "
          f"{max(back):.2f} s; {figures.get('status-503', 0)} answers 503; "
          f"{result['acked']} acknowledged, {len(result['lost'])} lost, "
          f"{len(result['twice'])} twice")
    wrong = []
    if result["lost"] or result["twice"] or figures["twice"]:
        wrong.append(f"lost {result['lost'][:5]}, twice {result['twice'][:5]}")
    if "status-503" not in figures:
        wrong.append("nobody was told 503")
    if any(figures.get(f"status-{s}") for s in range(400, 500)):
        wrong.append("a fault of ours was answered 4xx")
    if figures["timed-out"]:
        wrong.append(f"{figures['timed-out']} requests had no answer")
    if max(back) > BACK_S * slack():
        wrong.append(f"back only after {max(back):.2f} s")
    if damage.returncode != 0:
        wrong.append(f"eyelet-store check: {damage.stdout}{damage.stderr}")
    for words in wrong:
        print("FAIL:", words)
    sys.exit(1 if wrong else 0)


main()
