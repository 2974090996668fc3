#!/usr/bin/env python3
"""A graceful end under load, with the real store behind lighttpd.

Whatever was committed was answered, so senders repeat nothing; what was
answered is there; and no request is refused: the listening socket stays. (A kill proves the second half; see the crash tests.)
"""
import sys
sys.dont_write_bytecode = True

import os
import signal
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from stand import Stand, compare, effort, end_load, journal_ids, wait_for

ROUNDS = effort(2, 6, 40)
CONNECTIONS = 16
SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


def end_one(stand, number, load):
    """Ends the owner, which starts itself anew. Returns how long it took."""
    before = load.board.acked
    wait_for("load", 60, lambda: load.board.acked > before + 50)
    starts = stand.starts()
    pids = stand.processes()
    stand.kill(pids, number)
    # Twice, as mod_fcgid does.
    stand.kill(pids, number)
    took = wait_for("its end", 60, lambda: stand.starts() > starts)
    at = load.board.acked
    wait_for("service", 60, lambda: load.board.acked > at + 20)
    return took


def main():
    with Stand() as stand:
        stand.start()
        stand.add_endpoint()
        load = stand.load(connections=CONNECTIONS)
        slowest = 0
        for turn in range(ROUNDS):
            slowest = max(slowest, end_one(stand, SIGNALS[turn % 2], load))
        figures = end_load(load)
        found = compare(stand, [load.journal])
        acked = journal_ids(load.journal)
        held = {row["id"] for row in stand.rows("event", "list", "--limit",
                                                "0")}
        unanswered = held - acked
        print(f"{ROUNDS} ends, the slowest {slowest:.2f} s; "
              f"{found['acked']} acked, {found['held']} held, "
              f"{len(unanswered)} held without an answer, "
              f"{figures['broken']} broken connections")
        assert found["lost"] == [], found["lost"][:5]
        assert found["twice"] == [], found["twice"][:5]
        assert not unanswered, sorted(unanswered)[:5]
        lost = {key: n for key, n in figures.items() if key != "status-200"
                and (key.startswith("status-") or key == "broken") and n}
        assert not lost, lost


if __name__ == "__main__":
    main()
