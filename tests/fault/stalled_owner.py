#!/usr/bin/env python3
"""An owner that is stopped (SIGSTOP) answers nothing and yet holds the store:
whoever needs it next replaces it, and the one that was stopped writes no more.
"""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from stand import Stand, compare, wait_for

REPLACED_S = 55  # 30 s without an answer, and a start


def main():
    wrong = []
    with Stand() as stand:
        stand.start()
        stand.add_endpoint()
        for i in range(20):
            if stand.status(f"evt_{i}") != "accepted":
                wrong.append(f"evt_{i} was not accepted")
        (old,) = stand.processes()
        os.kill(old, signal.SIGSTOP)
        began = time.monotonic()
        # connect() still succeeds now: only the silence tells.
        stand.tool("store", "status", "--json")
        took = time.monotonic() - began
        wait_for("the stopped owner is gone", 30,
                 lambda: old not in stand.processes())
        back = wait_for("service is back", 30,
                        lambda: stand.status("evt_after") in
                        ("accepted", "duplicate"))
        held = [row["id"] for row in stand.rows("event", "list",
                                                "--limit", "0")]
    print(f"replaced after {took:.1f} s, service {back:.2f} s later")
    if took > REPLACED_S:
        wrong.append(f"replaced only after {took:.1f} s")
    if sorted(held) != sorted([f"evt_{i}" for i in range(20)] + ["evt_after"]):
        wrong.append(f"the store holds {held}")
    for words in wrong:
        print("FAIL:", words)
    sys.exit(1 if wrong else 0)


main()
