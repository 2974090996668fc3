#!/usr/bin/env python3
"""What stands around an open store is taken away: the owner's lock file and
socket, the folder of the store, the key file. No second owner writes the same
store, clients get a clear word, and all comes back by itself, or once the
operator did what the words said.

    names_taken.py [--effort=short|normal|long] [ROW...]
"""
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from campaign import run_rows
from machine import slack
from stand import Stand, compare, end_load, journal_ids, wait_for

BACK_S = 25.0  # names are looked at every 5 and every 10 s


def text(stand):
    with open(stand.log, errors="replace") as f:
        return f.read()


def inode(path):
    try:
        return os.stat(path).st_ino
    except OSError:
        return 0


def is_served(stand):
    return stand.run("store", "status", check=False).returncode == 0


def second_program(stand, want):
    """Another one that wants the store does not become its owner."""
    with subprocess.Popen(
            [stand.program, "-c", stand.conf, "--store"], env=stand.env,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True) as p:
        try:
            words = p.communicate(timeout=10 * slack())[1]
        except subprocess.TimeoutExpired:
            p.kill()
            words = p.communicate(timeout=20)[1]
    want("leaving: another process owns the store" in words,
         f"a second owner: {words}")


def names_holder(stand):
    """Does the lock file name the process that owns the store?"""
    try:
        with open(f"{stand.store}/lock") as f:
            words = f.read()
    except OSError:
        return False
    return any(f"pid={pid}\n" in words for pid in stand.processes())


def socket_removed(stand, want, load):
    path, before = f"{stand.store}/socket", stand.starts()
    was = inode(path)
    os.unlink(path)
    second_program(stand, want)
    wait_for("the socket anew", BACK_S * slack(),
             lambda: inode(path) not in (0, was))
    want(is_served(stand), f"no tool is served: {stand.tail()}")
    want(stand.starts() == before,
         f"the owner started anew: {stand.tail()}")
    second_program(stand, want)


def lock_removed(stand, want, load):
    before = stand.starts()
    os.unlink(f"{stand.store}/lock")
    want(is_served(stand), f"no tool is served: {stand.tail()}")
    second_program(stand, want)
    wait_for("the lock file names the owner", BACK_S * slack(),
             lambda: names_holder(stand))
    want(stand.starts() == before,
         f"the owner started anew: {stand.tail()}")
    second_program(stand, want)


def folder_renamed(stand, want, load):
    elsewhere = f"{stand.store}.elsewhere"
    os.rename(stand.store, elsewhere)
    wait_for("a word about the folder", BACK_S * slack(),
             lambda: "put that one back" in text(stand) or
             "there is no folder" in text(stand))
    wait_for("a refusal", BACK_S * slack(),
             lambda: stand.get("/hooks/healthz")[0] == 503)
    acked = load.board.acked
    time.sleep(1)
    want(load.board.acked == acked, "acknowledged without a store")
    os.rename(elsewhere, stand.store)
    wait_for("service is back", 60 * slack(),
             lambda: load.board.acked > acked + 50)


def held(stand):
    return {row["id"] for row in stand.rows("event", "list", "--limit", "0")}


def folder_replaced(stand, want, load):
    """By a copy: what is acknowledged is in the one or in the other."""
    elsewhere, copy = f"{stand.store}.elsewhere", f"{stand.store}.copy"
    shutil.copytree(stand.store, copy,
                    ignore=shutil.ignore_patterns("socket", "lock"))
    os.rename(stand.store, elsewhere)
    os.rename(copy, stand.store)
    wait_for("a word about the folder", BACK_S * slack(),
             lambda: "put that one back" in text(stand))
    wait_for("the copy is served", BACK_S * slack(), lambda: is_served(stand))
    end_load(load)
    stand.cut_power()
    stand.start()
    there = held(stand)
    stand.cut_power()
    os.rename(stand.store, copy)
    os.rename(elsewhere, stand.store)
    stand.start()
    lost = journal_ids(load.journal) - there - held(stand)
    want(not lost, f"{len(lost)} lost")


def key_gone(stand, load):
    """Returns its path, and where it is."""
    key = f"{stand.home}/keys/store.key"
    os.rename(key, f"{key}.elsewhere")
    wait_for("a word about the key", BACK_S * slack(),
             lambda: f"the key file {key} is gone: restore it from its backup"
             in text(stand) and "eyelet-store rekey" in text(stand))
    acked = load.board.acked
    wait_for("load goes on", 30, lambda: load.board.acked > acked + 50)
    return key, f"{key}.elsewhere"


def opens_secrets(stand, want):
    """A new start accepts by the secret that was sealed before."""
    stand.cut_power()
    stand.start()
    words = stand.status("after_the_cure")
    want(words == "accepted", f"after the cure: {words}: {stand.tail()}")


def key_restored(stand, want, load):
    key, elsewhere = key_gone(stand, load)
    shutil.copy2(elsewhere, key)
    shutil.chown(key, os.stat(elsewhere).st_uid, os.stat(elsewhere).st_gid)
    end_load(load)
    opens_secrets(stand, want)


def key_made_anew(stand, want, load):
    key, elsewhere = key_gone(stand, load)
    done = stand.run("store", "rekey", check=False)
    want(done.returncode == 0, f"rekey: {done.stderr}")
    with open(key, "rb") as now, open(elsewhere, "rb") as was:
        want(now.read() != was.read(), "it is the key from before")
    end_load(load)
    opens_secrets(stand, want)


ROWS = [
    ("the socket removed", socket_removed),
    ("the lock file removed", lock_removed),
    ("the folder of the store renamed", folder_renamed),
    ("the folder of the store replaced", folder_replaced),
    ("the key file gone, and restored", key_restored),
    ("the key file gone, and made anew", key_made_anew),
]


def one(name, take):
    wrong = []

    def want(true, words):
        if not true:
            wrong.append(f"{name}: {words}")

    with Stand() as stand:
        stand.start()
        stand.add_endpoint()
        load = stand.load(connections=8)
        wait_for("load in its stride", 60, lambda: load.board.acked > 200)
        began = time.monotonic()
        take(stand, want, load)
        took = time.monotonic() - began
        if load.poll() is None:
            end_load(load)
        stand.cut_power()
        stand.start()
        result = {"acked": 0, "lost": [], "twice": []}
        if take is not folder_replaced:
            result = compare(stand, [load.journal])
        check = stand.run("store", "check", check=False)
    print(f"{name}: over after {took:.2f} s, {result['acked']} acknowledged, "
          f"{len(result['lost'])} lost")
    want(not result["lost"] and not result["twice"],
         f"{len(result['lost'])} lost, {len(result['twice'])} twice")
    want(check.returncode == 0, f"check: {check.stdout}{check.stderr}")
    return wrong


run_rows(ROWS, one, ROWS[:1], ROWS[:3])
