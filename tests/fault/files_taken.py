#!/usr/bin/env python3
"""Files of an open store are renamed, removed or replaced under load: nothing
is acknowledged that could not be found again, the files come back under their
names, and the service by itself.

    files_taken.py [--effort=short|normal|long] [ROW...]
"""
import glob
import os
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from campaign import run_rows
from machine import slack
from stand import Stand, compare, end_load, wait_for

BACK_S = 20.0  # what is not the log is looked at every 10 s


def newest(stand, what):
    return sorted(glob.glob(f"{stand.store}/db/{what}"))[-1]


def log_removed(stand):
    os.unlink(newest(stand, "log/log.*"))


def log_renamed(stand):
    os.rename(newest(stand, "log/log.*"), f"{stand.store}/elsewhere")


def log_replaced(stand):
    path = newest(stand, "log/log.*")
    shutil.copy(path, f"{path}.copy")
    shutil.chown(f"{path}.copy", os.stat(path).st_uid, os.stat(path).st_gid)
    os.rename(f"{path}.copy", path)


def log_has_second_name(stand):
    os.link(newest(stand, "log/log.*"), f"{stand.store}/second")


def logs_renamed(stand):
    os.rename(f"{stand.store}/db/log", f"{stand.store}/db/log.old")


def logs_removed(stand):
    shutil.rmtree(f"{stand.store}/db/log")


def db_renamed(stand):
    os.rename(f"{stand.store}/db", f"{stand.store}/db.old")


def db_removed(stand):
    shutil.rmtree(f"{stand.store}/db")


def segment_removed(stand):
    os.unlink(newest(stand, "events-*"))


def ids_removed(stand):
    os.unlink(newest(stand, "dedupe-*"))


def table_replaced(stand):
    path = f"{stand.store}/db/endpoints"
    with open(f"{path}.copy", "wb"):
        pass
    os.rename(f"{path}.copy", path)


def durable_removed(stand):
    os.unlink(f"{stand.store}/durable")


def marker_removed(stand):
    os.unlink(f"{stand.store}/STORE")


# name, what is done, does the process start anew?
ROWS = [
    ("the newest log removed", log_removed, True),
    ("the newest log renamed", log_renamed, True),
    ("the newest log replaced", log_replaced, True),
    ("the newest log with a second name", log_has_second_name, False),
    ("the folder of the logs renamed", logs_renamed, True),
    ("the folder of the logs removed", logs_removed, True),
    ("the folder of the databases renamed", db_renamed, True),
    ("the folder of the databases removed", db_removed, True),
    ("the newest segment removed", segment_removed, True),
    ("the remembered ids removed", ids_removed, True),
    ("a table replaced", table_replaced, True),
    ("the point removed", durable_removed, True),
    ("the marker removed", marker_removed, True),
]


def one(name, take, anew):
    wrong = []

    def want(true, words):
        if not true:
            wrong.append(f"{name}: {words}")

    with Stand() as stand:
        stand.start()
        stand.add_endpoint()
        load = stand.load(connections=16, again=50)
        board = load.board
        wait_for("load in its stride", 60, lambda: board.acked > 500)
        before, began = stand.starts(), time.monotonic()
        take(stand)
        if anew:
            wait_for("a new start", BACK_S * slack(),
                     lambda: stand.starts() > before)
        acked = board.acked
        wait_for("service is back", 60, lambda: board.acked > acked + 100)
        back = time.monotonic() - began
        figures = end_load(load)
        # What a process holds open is gone: the names are the truth.
        stand.cut_power()
        stand.start()
        result = compare(stand, [load.journal])
        damage = stand.run("store", "check", check=False)
        # The log is written from a thread of its own.
        wait_for("the last start is told", 10 * slack(),
                 lambda: stand.starts() > before + anew)
        want(stand.starts() == before + anew + 1,
             f"more starts than these:\n{stand.tail()}")
    print(f"{name}: back after {back:.2f} s, {result['acked']} "
          f"acknowledged, {len(result['lost'])} lost, "
          f"{figures.get('status-503', 0)} answers 503")
    want(not result["lost"] and not result["twice"] and
         not figures["twice"], f"{len(result['lost'])} lost, "
         f"{len(result['twice'])} twice")
    want(not any(figures.get(f"status-{s}") for s in range(400, 500)),
         "a fault of ours was answered 4xx")
    want(not figures["timed-out"], "requests had no answer")
    want(damage.returncode == 0, f"check: {damage.stdout}{damage.stderr}")
    return wrong


run_rows(ROWS, one, ROWS[:1], ROWS[:2] + ROWS[5:6] + ROWS[8:9])
