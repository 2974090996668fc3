#!/usr/bin/env python3
"""conf/quickstart.sh, run by root, while the user whom lighttpd runs as renames
and plants whatever it can below its folder: none of it is root's to run, to
read or to write.

	quickstart_attacked.py FOLDER [QUICKSTART]

FOLDER is one that an earlier run has built in, so that a round takes seconds.
Run by tests/run.sh.
"""
import os
import pwd
import stat
import subprocess
import sys
import tempfile
import time

USER = "www-data"
ROUNDS = 2
ROUND_S = 300
LIGHTTPD = """include_shell "id -u >{victim}/ran"
server.document-root = "/"
"""
TAKE = """#!/bin/sh
id -u >{victim}/ran
"""


def quiet(call, *args):
    try:
        return call(*args)
    except OSError:
        return None


def plant(path, victim):
    """A program's text for what is started, else a link to root's file."""
    text = LIGHTTPD if path.endswith(".conf") else TAKE
    quiet(os.rename, path, f"{path}.{time.monotonic_ns()}")
    if path.endswith((".conf", "take")):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.format(victim=victim))
        os.chmod(path, 0o755)
    else:
        quiet(os.symlink, f"{victim}/file", path)


# What this script or its programs make, here or there.
NAMES = ("lighttpd.conf", "eyelet.conf", "headers", "answer", "health", "list",
         "take", "taken")


def attack_once(top, victim):
    uid = os.geteuid()
    for folder, _, files in os.walk(top):
        if f"{folder}/".startswith((f"{top}/src/", f"{top}/build/")) or \
                not os.access(folder, os.W_OK):
            continue
        for name in {*files, *NAMES}:
            path = f"{folder}/{name}"
            st = quiet(os.lstat, path)
            if st is None and f"{folder}/".startswith(f"{top}/var/"):
                continue  # the store is the user's own
            if st is None or st.st_uid != uid:
                quiet(plant, path, victim)


def attack(top, victim):
    child = os.fork()
    if child != 0:
        return child
    try:
        who = pwd.getpwnam(USER)
        os.initgroups(USER, who.pw_gid)
        os.setresgid(who.pw_gid, who.pw_gid, who.pw_gid)
        os.setresuid(who.pw_uid, who.pw_uid, who.pw_uid)
        end = time.monotonic() + ROUNDS * ROUND_S
        while time.monotonic() < end:
            attack_once(top, victim)
            time.sleep(0.0005)
    finally:
        os._exit(0)


def facts(victim):
    found = []
    for name in sorted(os.listdir(victim)):
        st = os.lstat(f"{victim}/{name}")
        with open(f"{victim}/{name}", encoding="utf-8") as f:
            found.append((name, st.st_uid, st.st_mode, f.read()))
    return found


def misplaced(top):
    """root's files in folders that another user may write in."""
    found = []
    for folder, names, files in os.walk(top):
        st = os.lstat(folder)
        if st.st_uid == 0 and st.st_mode & stat.S_IWOTH == 0:
            continue
        found += [f"{folder}/{name}" for name in [*names, *files]
                  if os.lstat(f"{folder}/{name}").st_uid == 0]
    return found


def main():
    top = os.path.abspath(sys.argv[1])
    here = os.path.dirname(os.path.abspath(__file__))
    script = sys.argv[2] if len(sys.argv) > 2 else \
        os.path.join(here, "..", "..", "conf", "quickstart.sh")
    if os.geteuid() != 0:
        print("SKIP: must be root to be attacked")
        return 77
    wrong = []
    with tempfile.TemporaryDirectory(prefix="eyelet-victim.") as victim:
        with open(f"{victim}/file", "w", encoding="utf-8") as f:
            f.write("root's\n")
        before = facts(victim)
        attacker = attack(top, victim)
        try:
            for n in range(ROUNDS):
                done = subprocess.run(
                    [script, "--once"], capture_output=True, text=True,
                    timeout=ROUND_S, stdin=subprocess.DEVNULL,
                    env=dict(os.environ, EYELET_QUICKSTART=top))
                if facts(victim) != before:
                    wrong.append(f"round {n}: {USER} won: {facts(victim)}")
                    break
                if misplaced(top):
                    wrong.append(f"round {n}: root's files in folders of "
                                 f"others: {misplaced(top)}")
                if done.returncode != 0:
                    # The attacker may break what is its own.
                    print(f"round {n}: status {done.returncode}: "
                          f"{done.stderr[-300:]}")
        finally:
            os.kill(attacker, 9)
            os.waitpid(attacker, 0)
    for words in wrong:
        print("FAIL:", words)
    print(f"{ROUNDS} rounds, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
