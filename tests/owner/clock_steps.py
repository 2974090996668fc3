#!/usr/bin/env python3
"""A wall clock that is set far off for 5 s, and then right again, costs
nothing: no event, no delivery to a destination that is away, no id."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from stand import Stand, wait_for  # noqa: E402

HOUR, DAY = 3600, 86400
EVENTS = 20
OFF_S = 5
WAIT_S = 60
# So far it is set off, for OFF_S the first one, then for a look each.
STEPS_S = (40 * DAY, DAY, -40 * DAY, HOUR, 3650 * DAY, -3650 * DAY)

failed = 0


def check(what, got, want):
    global failed
    if got != want:
        failed += 1
        print(f"FAIL: {what}: {got!r}, not {want!r}")


def dead(stand):
    return [row for row in stand.rows("event", "dead", "list")
            if "seq" in row]


def events(stand):
    return [row["id"] for row in stand.rows("event", "list", "--limit", "0")
            if row.get("endpoint") == "shop"]


def check_all(stand, when):
    """Retention by hand beside the keeper's, and then all is there."""
    stand.tool("store", "prune")
    check(f"{when}: events", sorted(events(stand)),
          sorted(f"evt_{i}" for i in range(EVENTS)))
    check(f"{when}: dead letters", dead(stand), [])


def main():
    with Stand(clock=True) as stand:
        stand.add_endpoint()
        stand.tool("destination", "add", "away", "--command", "/bin/false",
                   "--retry", "1h,10h")
        stand.tool("destination", "pause", "away")
        stand.start()
        for i in range(EVENTS):
            check(f"evt_{i}", stand.status(f"evt_{i}"), "accepted")
        for n, step_s in enumerate(STEPS_S):
            name = f"{step_s // HOUR} h"
            stand.clock.set(wall_s=step_s)
            check_all(stand, f"{name} off")
            if n == 0:
                time.sleep(OFF_S)
            stand.clock.set(wall_s=0)
            check_all(stand, f"{name} off, and right again")
        for i in range(EVENTS):
            check(f"evt_{i} again", stand.status(f"evt_{i}"), "duplicate")
        # The store has lived on, over a kill, too.
        stand.kill_and_wait(stand.processes())
        wait_for("an owner after the kill", WAIT_S, stand.answers, 0.1)
        check_all(stand, "after a kill")
        done = stand.run("store", "check", check=False)
        check(f"store check: {done.stdout}", done.returncode, 0)
        # And its age takes what is too old, whatever the wall clock shows.
        stand.clock.set(boot_s=100 * DAY)
        stand.tool("store", "prune")
        check("what is too old is dead letters", len(dead(stand)) > 0, True)
        check("and is in the log no more", events(stand), [])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
