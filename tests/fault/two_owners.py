#!/usr/bin/env python3
"""Many start at once, owners die at once: two never have the store open."""
import os
import random
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from stand import PROGRAM, Stand, effort

STARTERS = 12
SETTLE_S = 60


class Watch(threading.Thread):
    """Looks without a pause who has files of the store's databases open."""

    def __init__(self, stand):
        super().__init__(daemon=True)
        self.stand = stand
        self.looks = 0
        self.most = 0
        self.seen = set()
        self.ended = False

    def owners(self):
        found = set()
        for pid in self.stand.processes():
            try:
                for fd in os.listdir(f"/proc/{pid}/fd"):
                    path = os.readlink(f"/proc/{pid}/fd/{fd}")
                    if path.startswith(f"{self.stand.store}/") and (
                            path.endswith(".db") or "/log." in path):
                        found.add(pid)
            except OSError:
                pass
        return found

    def run(self):
        while not self.ended:
            first = self.owners()
            # Not one look at two processes, but two looks at the same two.
            both = first & self.owners() if len(first) > 1 else first
            self.most = max(self.most, len(both))
            self.seen |= first
            self.looks += 1


def start_store(stand):
    return subprocess.Popen(
        [PROGRAM, "--store", "-c", stand.conf], env=stand.env,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)


def main():
    rounds = effort(3, 10, 200)
    rng = random.Random(1)
    wrong = []
    with Stand() as stand:
        watch = Watch(stand)
        watch.start()
        for i in range(rounds):
            starters = [start_store(stand) for _ in range(STARTERS)]
            time.sleep(rng.uniform(0, 0.3))
            stand.kill(watch.owners())
            # Each tool needs an owner, and starts one where it finds none.
            tools = [subprocess.Popen(
                [f"{stand.tool_path('endpoint')}", "-c", stand.conf, "list"],
                env=stand.env, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                for _ in range(4)]
            for tool in tools:
                _, words = tool.communicate(timeout=SETTLE_S)
                if tool.returncode != 0:
                    wrong.append(f"round {i}: {words.strip()}")
            stand.kill(stand.processes())
            for starter in starters:
                starter.wait(SETTLE_S)
        watch.ended = True
        watch.join(SETTLE_S)
    print(f"{rounds} rounds of {STARTERS} starters: {watch.looks} looks, "
          f"{len(watch.seen)} owners, at most {watch.most} at once")
    if watch.most != 1:
        wrong.append(f"{watch.most} owners at once")
    if len(watch.seen) < rounds:
        wrong.append("fewer owners than rounds were seen: this proves nothing")
    for words in wrong:
        print("FAIL:", words)
    sys.exit(1 if wrong else 0)


main()
