#!/usr/bin/env python3
"""A log that was damaged, cut or removed while nobody looked: the store says
exactly what it lost, can be read, answers 503, and goes on only once the loss
is accepted; a log that is whole, or damaged where nothing needs it, costs
nothing and is no alarm.

    damaged_log.py [--effort=short|normal|long] [--seed=N] [ROW...]
"""
import glob
import os
import random
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from campaign import run_rows
from stand import Stand, end_load, journal_ids, wait_for

HEAD = 12


class DamagedStand(Stand):
    """It has started once it answers, and be it 503."""

    def answers(self):
        try:
            return self.get("/hooks/healthz")[0] in (200, 503)
        except OSError:
            return False


def seed():
    for arg in sys.argv[1:]:
        if arg.startswith("--seed="):
            return int(arg.removeprefix("--seed="))
    return int(os.environ.get("EYELET_SEED", "1"))


RNG = random.Random(seed())


def logs(stand):
    return sorted(glob.glob(f"{stand.store}/db/log/log.*"))


def records(path):
    """Where the records of a log file begin, and behind the last."""
    with open(path, "rb") as f:
        data = f.read()
    at, found = 0, []
    while at + HEAD <= len(data):
        length = struct.unpack("=I", data[at + 4:at + 8])[0]
        if length == 0:
            break
        found.append(at)
        at += length
    return found + [at]


def write(path, at, data):
    with open(path, "r+b") as f:
        f.seek(at)
        f.write(data)


def flip_at(path, at):
    with open(path, "rb") as f:
        f.seek(at)
        byte = f.read(1)[0]
    write(path, at, bytes([byte ^ (1 << RNG.randrange(8))]))


# --- what is done to the logs; each returns nothing ---------------------------

def nothing(stand):
    pass


def flip(stand):
    path = logs(stand)[-1]
    at = records(path)
    flip_at(path, RNG.randrange(at[len(at) // 4], at[len(at) * 3 // 4]))


def flip_late(stand):
    path = logs(stand)[-1]
    end = records(path)[-1]
    flip_at(path, end - RNG.randrange(100, 3000))


def flip_head(stand):
    flip_at(logs(stand)[-1], RNG.randrange(4, 28))


def flip_first_record(stand):
    flip_at(logs(stand)[-1], RNG.randrange(28, 60))


def half(stand):
    path = logs(stand)[-1]
    os.truncate(path, records(path)[-1] // 2)


def half_at_record(stand):
    path = logs(stand)[-1]
    at = records(path)
    os.truncate(path, at[len(at) // 2])


def zeros(stand):
    path = logs(stand)[-1]
    at = records(path)
    start = at[len(at) // 2]
    write(path, start, bytes(min(20000, at[-1] - start)))


def zeros_to_end(stand):
    path = logs(stand)[-1]
    at = records(path)
    start = at[len(at) // 2]
    write(path, start, bytes(at[-1] - start))


def no_newest(stand):
    os.unlink(logs(stand)[-1])


def no_middle(stand):
    os.unlink(logs(stand)[-2])


def none_left(stand):
    for path in logs(stand):
        os.unlink(path)


def no_folder(stand):
    none_left(stand)
    os.rmdir(f"{stand.store}/db/log")


def flip_before_checkpoint(stand):
    """In what recovery needs no more: the oldest file."""
    path = logs(stand)[0]
    at = records(path)
    flip_at(path, at[len(at) // 2] + HEAD + 5)


EVENTS = 1500  # one log file
AGAIN_MAX = 100  # of the lost events, sent again
MANY = 32 << 20  # bytes of log: four files, two checkpoints

# name, damage, bytes of log, must something be lost?
ROWS = [
    ("undamaged", nothing, 0, False),
    ("undamaged, four files", nothing, MANY, False),
    ("a flip in the newest log", flip, 0, True),
    ("a flip shortly before the end", flip_late, 0, True),
    ("a flip in the head of the log", flip_head, 0, False),
    ("a flip in its first record", flip_first_record, 0, True),
    ("cut to half", half, 0, True),
    ("cut to half behind a record", half_at_record, 0, True),
    ("a zeroed region", zeros, 0, True),
    ("zeros up to the end", zeros_to_end, 0, True),
    ("the only log missing", none_left, 0, True),
    ("the folder of the logs missing", no_folder, 0, True),
    ("a flip in the newest of four", flip, MANY, True),
    ("a flip in the head of the newest of four", flip_head, MANY, False),
    ("the newest of four missing", no_newest, MANY, True),
    ("one before the newest missing", no_middle, MANY, None),
    ("all of four missing", none_left, MANY, True),
    ("a flip before the last checkpoint", flip_before_checkpoint, MANY,
     False),
]

QUICK = ["undamaged", "a flip in the newest log",
         "a flip shortly before the end", "a flip in the head of the log",
         "cut to half behind a record", "a zeroed region"]


def log_bytes(stand):
    return sum(os.stat(p).st_size for p in logs(stand))


def fill(stand, many, quiet):
    load = stand.load("load", connections=32)
    if many:
        wait_for("enough log", 120, lambda: log_bytes(stand) > many and
                 load.board.acked > EVENTS)
    wait_for("events", 60, lambda: load.board.acked > EVENTS)
    if quiet:
        end_load(load)
    stand.cut_power()
    if not quiet:
        end_load(load)
    return journal_ids(load.journal)


def held(stand):
    return {row["id"]: row["seq"]
            for row in stand.rows("event", "list", "--limit", "0")}


def one(name, damage, many, must_lose):
    """The promises that this damage broke."""
    wrong = []

    def want(true, words):
        if not true:
            wrong.append(f"{name}: {words}")

    with DamagedStand() as stand:
        stand.start()
        stand.add_endpoint()
        acked = fill(stand, many, must_lose)
        damage(stand)
        stand.start()
        there = held(stand)
        lost = acked - there.keys()
        status = stand.store_status()
        told = not status["healthy"]
        print(f"{name}: {len(acked)} acknowledged, {len(lost)} lost, "
              f"{status['why_not']}")
        if must_lose is not None:
            want(must_lose == told, "alarm" if told else "no alarm")
        want(told or not lost, f"{len(lost)} events lost without a word")
        if not told:
            want(stand.get("/hooks/healthz")[0] == 200, "not healthy")
            check = stand.run("store", "check", check=False)
            want(damage in (flip_before_checkpoint, no_middle) or
                 check.returncode == 0,
                 f"check: {check.stdout}{check.stderr}")
            want(stand.status("afterwards") == "accepted", "not accepted")
            again = stand.run("store", "accept-loss", check=False)
            want(again.returncode == 66, "accepted a loss that is none")
            return wrong
        # It can be read, and nothing else.
        want("accept-loss" in status["why_not"], "the command is not named")
        want(stand.get("/hooks/healthz")[0] == 503, "healthz is good")
        code, headers, _ = stand.post("refused")
        want(code == 503 and "retry-after" in headers, f"answered {code}")
        want(stand.run("endpoint", "disable", "shop",
                       check=False).returncode == 70, "a change was taken")
        want(stand.run("event", "export", check=False).returncode == 0,
             "no export")
        want(stand.run("store", "check", check=False).returncode == 1,
             "check finds nothing")
        # Not even a new start forgets it.
        stand.cut_power()
        stand.start()
        want(held(stand) == there, "a second start changes what is there")
        want(stand.store_status()["why_not"] ==
             status["why_not"], "a second start says something else")
        loss = list(stand.rows("store", "accept-loss"))[0]
        # Tables taken as they are may lack more, and say so themselves.
        gaps = loss["damaged_events"]
        want(len(lost) <= loss["events"] + gaps,
             f"{len(lost)} lost, {loss['events']} and {gaps} told")
        want(not there or max(there.values()) < loss["first_seq"],
             "what is there is called lost")
        want(damage in (none_left, no_folder, no_newest, no_middle) or
             glob.glob(f"{stand.store}/{loss['kept']}/log.*"),
             "no log was kept")
        if not list(stand.rows("endpoint", "list")):
            stand.add_endpoint()  # it was lost, too
        want(stand.status("afterwards") == "accepted", "not accepted")
        again = set(sorted(lost)[:AGAIN_MAX])
        words = [stand.status(i) for i in again]
        want(set(words) <= {"accepted"}, f"of the lost, sent again: {words}")
        want(held(stand)["afterwards"] > loss["last_seq"],
             "a seq was given twice")
        want(any(row["verb"] == "store.accept-loss"
                 for row in stand.rows("store", "audit")), "no audit record")
        gap = stand.run("event", "show", str(loss["last_seq"] + 1),
                        check=False)
        want(gap.returncode == 66 and "a loss that was accepted" in gap.stderr
             and "eyelet-store audit" in gap.stderr, f"show: {gap.stderr}")
        # And all of it lasts.
        stand.cut_power()
        stand.start()
        want(stand.store_status()["healthy"], "lost again")
        want(held(stand).keys() == there.keys() | again | {"afterwards"},
             "not what was accepted")
        check = stand.run("store", "check", check=False)
        want(check.returncode == 0, f"check: {check.stderr}")
    return wrong


run_rows(ROWS, one, [r for r in ROWS if r[0] in QUICK[:2]],
         [r for r in ROWS if r[0] in QUICK])
