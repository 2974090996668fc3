#!/usr/bin/env python3
"""C1: a deliverer is killed while its command runs; the next one runs it again.

Never do two of these runs live at once: not for the command's own process, not
for a child of it, whether that has let go of the lock, of the group or of the
session, or was left behind. The worker holds a proof that the kernel takes from
the dead alone. A build that takes no lock is found out.
"""
import sys
sys.dont_write_bytecode = True

import os
import random
import shutil
import signal
import subprocess
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from stand import BUILD, effort

HELPER = f"{BUILD}/tests/stand/command_helper"
PLANTED = f"{BUILD}/tests/stand/command_helper_planted"
KINDS = ("main", "child", "bare", "away", "job", "late")
KILLS = effort(40, 120, 10000)
PLANTED_KILLS = 1000  # at most; a few will do
SEED = int(os.environ.get("EYELET_SEED", random.randrange(1 << 30)))
CHANGE_S = 60  # for a killed deliverer's successor to have it run again


class Journal:
    def __init__(self, path):
        self.path = path
        self.count = {}
        self.at = 0

    def read(self):
        try:
            with open(self.path) as f:
                f.seek(self.at)
                text = f.read()
        except FileNotFoundError:
            return self
        text = text[:text.rfind("\n") + 1]
        self.at += len(text)
        for line in text.splitlines():
            word = line.split()[0]
            self.count[word] = self.count.get(word, 0) + 1
        return self

    def __getitem__(self, word):
        return self.read().count.get(word, 0)


def begins(journal, driver, before):
    """Waits for a run to begin; the driver lives."""
    until = time.monotonic() + CHANGE_S
    while journal["begin"] + journal["twice"] <= before:
        if driver.poll() is not None:
            sys.exit(f"the deliverer left with status {driver.returncode}: "
                     + driver.stderr.read())
        if time.monotonic() > until:
            sys.exit(f"seed {SEED}: nothing runs within {CHANGE_S} s")
        time.sleep(0.001)


def campaign(helper, kills, stop_early):
    chance = random.Random(SEED)
    folder = tempfile.mkdtemp(prefix="eyelet-command.")
    journal = Journal(f"{folder}/journal")
    try:
        for n in range(kills):
            before = journal["begin"] + journal["twice"]
            driver = subprocess.Popen(
                [helper, "drive", f"{folder}/locks", journal.path,
                 KINDS[n % len(KINDS)]], stderr=subprocess.PIPE, text=True,
                stdin=subprocess.DEVNULL)
            try:
                # Some die in the first moments, some in a run, some after.
                if chance.random() < 0.8:
                    begins(journal, driver, before)
                time.sleep(chance.random() * 0.03)
            finally:
                driver.send_signal(signal.SIGKILL)
                driver.stderr.close()
                driver.wait(10)
            if stop_early and journal["twice"]:
                break
        return n + 1, journal
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    began = time.monotonic()
    kills, journal = campaign(HELPER, KILLS, False)
    cut = journal.count["begin"] - journal.count.get("end", 0)
    print(f"C1: seed {SEED}: {kills} deliverers killed, "
          f"{journal.count['begin']} runs begun, {cut} of them cut short, "
          f"{journal.count.get('twice', 0)} while another lived "
          f"({time.monotonic() - began:.0f} s)")
    bad = {word: n for word, n in journal.count.items()
           if word not in ("begin", "end", "exit")}
    if bad:
        sys.exit(f"also: {bad}")
    if cut < kills // 10:
        sys.exit("too few were cut short: no proof")
    kills, journal = campaign(PLANTED, PLANTED_KILLS, True)
    if not journal["twice"]:
        sys.exit(f"{kills} kills did not find out the build without a lock")
    print(f"the build without a lock was found out after {kills} kills")


if __name__ == "__main__":
    main()
