#!/usr/bin/env python3
"""C1: eyelet-deliver is killed while commands run, again and again.

Each event is handed to its command until one run of it ended well, and no two
runs of one event live at once, whoever of a run survived: the worker holds a
proof for each event, which the kernel takes from the dead alone. What a command
left in the background holds nothing up.
"""
import sys
sys.dont_write_bytecode = True

import os
import random
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from deliver_stand import DeliverStand, wait_for
from stand import BUILD, effort

HELPER = f"{BUILD}/tests/stand/command_helper"
KINDS = ("main", "child", "bare", "away", "job", "late")
KILLS = effort(6, 12, 300)
EVENTS = KILLS // 2 + 1  # of each kind
WORK_MS = 500  # longer than a deliverer needs to start
KILLED_S = 1.5
SEED = int(os.environ.get("EYELET_SEED", random.randrange(1 << 30)))
DONE_S = 120


def words_of(folder):
    """What the runs of each event noted, in their order."""
    found = {}
    for name in os.listdir(folder):
        if name.isdigit():
            with open(f"{folder}/{name}") as f:
                found[name] = [line.split()[0] for line in f]
    return found


def main():
    chance = random.Random(SEED)
    began = time.monotonic()
    with DeliverStand() as st:
        work = f"{st.top}/work"
        os.mkdir(work)
        st.own(work)
        for kind in KINDS:
            st.destination(kind, None, endpoints="shop", events=f"{kind}.*",
                           retry="1s,1s,1s", command=[
                               "/bin/sh", "-c", f"exec {HELPER} work "
                               f"{work}/$EYELET_SEQ {kind} {WORK_MS}"])
        for n in range(EVENTS):
            for kind in KINDS:
                st.tool("event", "publish", "--endpoint", "shop", "--type",
                        f"{kind}.x")
        # At once, so that what is left of a run meets the next one.
        for n in range(KILLS):
            st.deliver("-v")
            time.sleep(chance.random() * KILLED_S)
            st.deliverer.kill()
            st.deliverer.wait(10)
        st.tool("event", "publish", "--endpoint", "shop", "--type", "main.x")
        st.deliver("-v")
        wait_for(f"seed {SEED}: all events", DONE_S, lambda: all(
            st.show(kind)["counts"][state] == 0 and st.show(kind)["behind"] == 0
            for kind in KINDS for state in ("pending", "retrying")), 0.2)
        status = st.end_deliver()
        found = words_of(work)
        dead = {kind: st.show(kind)["counts"]["dead"] for kind in KINDS}
    cut = sum(words.count("begin") - words.count("end")
              for words in found.values())
    print(f"C1: seed {SEED}: {KILLS} kills, {len(found)} events, {cut} runs "
          f"cut short ({time.monotonic() - began:.0f} s)")
    if status != 0:
        sys.exit(f"the last deliverer ended with status {status}")
    twice = [seq for seq, words in found.items() if "twice" in words]
    if twice:
        sys.exit(f"two runs of one event lived at once: {twice}")
    if len(found) != EVENTS * len(KINDS) + 1 or any(dead.values()):
        sys.exit(f"{len(found)} events ran, dead: {dead}")
    if cut < KILLS // 3:
        sys.exit("too few were cut short: no proof")


if __name__ == "__main__":
    main()
