#!/usr/bin/env python3
"""A burst of events, large ones and small ones, on a volume that another
program has just filled up to twice the floor. What is accepted leaves half of
the floor free, every answer is 2xx or 503, and everything acknowledged is
there."""
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from stand import Stand, compare, effort, end_load, skip, wait_for

SIZE = "180m"
FLOOR = 16 << 20
START = 2 * FLOOR  # free as the burst begins
# Bytes of a body, connections. One event of the last kind has a page for itself.
BURSTS = [(256 << 10, 48), (1200, 48), (1200, 1)]
BURST_S = 2

wrong = []


def expect(true, words):
    if not true:
        wrong.append(words)
        print("FAIL:", words, flush=True)


def free(stand):
    now = os.statvfs(stand.home)
    return now.f_bavail * now.f_frsize


class Least:
    """The least room that was ever free on the volume."""

    def __init__(self, stand):
        self.stand, self.least, self.ended = stand, free(stand), False
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def watch(self):
        while not self.ended:
            self.least = min(self.least, free(self.stand))
            time.sleep(0.001)

    def end(self):
        self.ended = True
        self.thread.join()
        return self.least


def burst(stand, number):
    body, connections = BURSTS[number % len(BURSTS)]
    filler = f"{stand.home}/filler"
    with open(filler, "wb") as f:
        os.posix_fallocate(f.fileno(), 0, free(stand) - START)
    least = Least(stand)
    try:
        load = stand.load(f"burst{number}", connections=connections, body=body,
                          prefix=f"burst{number}_")
        time.sleep(BURST_S)
        figures = end_load(load)
        # What was accepted is still to be written to the tables.
        stand.stop()
        wait_for("all are gone", 30, lambda: not stand.processes())
    finally:
        room = least.end()
    print(f"{load.board.acked} events of {body} bytes accepted, "
          f"{figures.get('status-503', 0)} answers 503; never less than "
          f"{room >> 10} KiB were free, with a floor of {FLOOR >> 10} KiB",
          flush=True)
    os.unlink(filler)
    expect(room >= FLOOR // 2, "more than half of the floor was used up")
    expect(load.board.acked > 0, "nothing was accepted above the floor")
    if body == BURSTS[0][0]:
        expect(figures.get("status-503", 0) > 0, "the floor was not reached")
    other = [name for name in figures if name.startswith("status-")
             and name != "status-503" and not name.startswith("status-2")]
    expect(not other and figures["broken"] == 0 and figures["timed-out"] == 0,
           f"not only 2xx and 503: {figures}")
    stand.start()
    wait_for("accepting again", 30,
             lambda: stand.get("/hooks/healthz")[0] == 200)
    return load.journal


def main():
    try:
        stand = Stand(size=SIZE)
    except OSError as why:
        skip(f"may not mount a small file system: {why}")
    with stand:
        stand.write_conf({"store.floor": str(FLOOR)})
        stand.start()
        stand.add_endpoint()
        journals = [burst(stand, n) for n in range(effort(2, 3, 30))]
        result = compare(stand, journals)
        damage = stand.run("store", "check", check=False)
    expect(not result["lost"] and not result["twice"],
           f"lost {result['lost'][:5]}, twice {result['twice'][:5]}")
    expect(damage.returncode == 0,
           f"eyelet-store check: {damage.stdout}{damage.stderr}")
    sys.exit(1 if wrong else 0)


main()
