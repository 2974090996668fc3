#!/usr/bin/env python3
"""Kills and power cuts at any instant of a store's life: opening, recovering,
writing, changing, checkpoints. What it promised is there after each one.

    cut_store.py [--effort=short|normal|long] [--seed=N] [--torn]
        [--keep]

Each image: the writer is killed, or a sync of it fails; what was not synced is
taken back (disk.h), and the writer starts again and holds everything it ever
promised against the store. A writer with a planted bug, which answers before
the flush, must be caught by the same campaign.
"""
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from stand import BUILD, Disk, effort

TRIES = 5
IMAGES_A_STORE = 40  # then a new one, so that reading it stays quick
READY_S = 60
FENCED_S = 60
MODELS = ["none", "none", "prefix"]
if "--torn" in sys.argv:
    MODELS += ["subset", "torn"]
TEMPFAIL = 75  # fenced: it asks to be started again


def seed():
    for arg in sys.argv[1:]:
        if arg.startswith("--seed="):
            return int(arg.removeprefix("--seed="))
    return int(os.environ.get("EYELET_SEED", "1"))


class Broken(Exception):
    pass


class Campaign:
    def __init__(self, writer, rng):
        self.writer = f"{BUILD}/tests/fault/{writer}"
        self.rng = rng
        self.images = self.undone = self.early = self.fenced = 0
        self.events = 0
        self.history = []
        self.slowest = 0.0

    def say(self, folder):
        with open(f"{folder}/words") as f:
            lines = f.read().splitlines()
        words = "\n".join(lines[:3] + ["..."] + lines[-3:])
        return (f"image {self.images} (cuts before: "
                f"{', '.join(self.history[-3:])}):\n{words}")

    def one_store(self, images):
        folder = tempfile.mkdtemp(prefix="eyelet-cut.")
        try:
            subprocess.run([self.writer, folder, "init"], check=True,
                           timeout=READY_S)
            self.disk = Disk(f"{folder}/disk")
            env = dict(os.environ,
                       LD_PRELOAD=f"{BUILD}/tests/fault/disk.so",
                       EYELET_DISK_STORE=f"{folder}/store",
                       EYELET_DISK_LOG=self.disk.folder,
                       ASAN_OPTIONS="verify_asan_link_order=0")
            for i in range(images):
                self.one_image(folder, env, i)
            # And once more to the end, without a cut behind it.
            self.one_image(folder, env, images, last=True)
        except Broken as broken:
            if "--keep" in sys.argv and "planted" not in self.writer:
                kept = shutil.copytree(folder, f"{folder}.kept")
                raise Broken(f"{broken}\nkept: {kept}") from None
            raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def one_image(self, folder, env, number, last=False):
        """One life of the writer, and how it ended."""
        began = time.monotonic()
        # Some die while they still recover; the others some way on.
        early = not last and self.rng.random() < 0.25
        failing = not last and self.rng.random() < 0.2
        if failing and early:
            self.disk.set("fail_syncs", 1)
        with open(f"{folder}/words", "w") as words, subprocess.Popen(
                [self.writer, folder, str(number)], env=env,
                stdout=subprocess.PIPE, stderr=words, text=True) as p:
            try:
                if early:
                    time.sleep(self.rng.uniform(0.0, 0.05))
                elif self.wait_ready(p, began):
                    time.sleep(self.rng.uniform(0.0, 0.1))
                    if failing:
                        self.disk.set("fail_syncs", self.rng.choice([1, -1]))
                        self.wait_fenced(p, folder)
            finally:
                p.kill()
            p.wait(READY_S)
        # A sync that failed while it opened is no broken promise.
        if p.returncode not in (-signal.SIGKILL, TEMPFAIL) and not (
                failing and early):
            raise Broken(self.say(folder))
        self.disk.set("fail_syncs", 0)
        self.images += 1
        self.early += early
        self.fenced += p.returncode == TEMPFAIL
        # A death alone leaves all that was written, for the next one to cut.
        if self.rng.random() < 0.3:
            self.history.append("failed sync" if p.returncode == TEMPFAIL
                                else "kill")
            return
        how = self.rng.choice(MODELS)
        undone = self.disk.cut(how, self.rng.randrange(1 << 30))
        self.undone += undone
        self.history.append(f"{'early' if early else 'late'} {how} {undone}")

    def wait_ready(self, p, began):
        ready = p.stdout.readline()
        self.slowest = max(self.slowest, time.monotonic() - began)
        if ready:
            self.events = max(self.events, int(ready.split()[1]))
        return bool(ready)

    def wait_fenced(self, p, folder):
        """It has to leave by itself: what failed may not be built upon."""
        try:
            p.wait(FENCED_S)
        except subprocess.TimeoutExpired:
            raise Broken(f"{self.say(folder)}\nit goes on after a failed "
                         "sync") from None


def main():
    images = effort(10, 60, 4000)
    rng = random.Random(seed())
    good = Campaign("store_writer", rng)
    while good.images < images:
        good.one_store(min(IMAGES_A_STORE, images - good.images))
    # When a store comes to what, a busy machine decides; a few more, then.
    for _ in range(TRIES):
        if good.undone > 0 and good.fenced > 0:
            break
        good.one_store(10)
    print(f"{good.images} images, {good.early} of them of a store that was "
          f"still opening, {good.fenced} after a failed sync: {good.undone} "
          f"unsynced pieces taken back, up to {good.events} events, every "
          f"promise kept; opened, recovered and read within "
          f"{good.slowest:.2f} s")
    if good.undone == 0 or good.fenced == 0:
        print("FAIL: nothing taken back, or no sync failed: no proof")
        sys.exit(1)
    planted = Campaign("store_writer_planted", rng)
    try:
        for _ in range(effort(2, 3, 20)):
            planted.one_store(IMAGES_A_STORE)
    except Broken as broken:
        print(f"the planted bug was caught after {planted.images} images: "
              f"{str(broken).strip().splitlines()[-1]}")
    else:
        print("FAIL: the planted bug was not caught")
        sys.exit(1)


try:
    main()
except Broken as e:
    print("FAIL:", e)
    sys.exit(1)
