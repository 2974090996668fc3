#!/usr/bin/env python3
"""eyelet-store init, run by root, in a folder where the store's user plants
links and renames folders all the while: nothing of root's changes hands, and
nothing is made or changed outside of that folder.

Each row is a way to attack; it goes on for ROUNDS_S beside one init after the
other. --build=DIR tries the programs of another build.
"""
import ctypes
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
import stand as stands  # noqa: E402

USER = "nobody"
ROUNDS_S = stands.effort(2, 3, 30)
EXCHANGE = 2  # renameat2(2)
AT_FDCWD = -100
libc = ctypes.CDLL(None, use_errno=True)
build = stands.BUILD
for arg in sys.argv[1:]:
    if arg.startswith("--build="):
        build = arg.removeprefix("--build=")


def swap(a, b):
    libc.renameat2(AT_FDCWD, a.encode(), AT_FDCWD, b.encode(), EXCHANGE)


def quiet(call, *args):
    try:
        call(*args)
    except OSError:
        pass


def clear(path):
    """The attacker's own; it may be a link, a folder, or gone."""
    quiet(os.unlink, path)
    quiet(os.rmdir, path)


# Each is called over and over by the attacker, whose folder home is.

def link_at_the_store(home, victim):
    clear(f"{home}/store")
    quiet(os.symlink, f"{victim}/new", f"{home}/store")
    clear(f"{home}/keys")
    quiet(os.symlink, f"{victim}/folder", f"{home}/keys")


def link_above_the_store(home, victim):
    quiet(os.rename, f"{home}/a", f"{home}/a.{time.monotonic_ns()}")
    quiet(os.symlink, victim, f"{home}/a")


def link_and_folder_in_turn(home, victim):
    if not os.path.lexists(f"{home}/a"):
        quiet(os.mkdir, f"{home}/a")
    if not os.path.lexists(f"{home}/link"):
        quiet(os.symlink, victim, f"{home}/link")
    swap(f"{home}/a", f"{home}/link")


def roots_folder_in_its_place(home, _):
    """What root has just made goes, and another folder of root's comes."""
    swap(f"{home}/store", f"{home}/roots")
    swap(f"{home}/store", f"{home}/roots")
    swap(f"{home}/keys", f"{home}/roots")
    swap(f"{home}/keys", f"{home}/roots")


ROWS = (
    # a way to attack            store below home, mode of home
    (link_at_the_store, "store", 0o755),
    (link_above_the_store, "a/b/store", 0o755),
    (link_and_folder_in_turn, "a/b/store", 0o755),
    (roots_folder_in_its_place, "store", 0o755),
    (link_at_the_store, "store", 0o777),
    (link_above_the_store, "a/b/store", 0o1777),
)


def attack(way, home, victim):
    """As the user, until the parent ends."""
    child = os.fork()
    if child != 0:
        return child
    try:
        who = pwd.getpwnam(USER)
        os.setgroups([])
        os.setresgid(who.pw_gid, who.pw_gid, who.pw_gid)
        os.setresuid(who.pw_uid, who.pw_uid, who.pw_uid)
        end = time.monotonic() + 10 * ROUNDS_S
        while time.monotonic() < end:
            way(home, victim)
    finally:
        os._exit(0)


def facts(path):
    """Whose all of it is, and how open; but not when it was read."""
    found = []
    for folder, names, files in os.walk(path):
        for name in [*names, *files, "."]:
            st = os.lstat(f"{folder}/{name}")
            found.append((f"{folder}/{name}", st.st_uid, st.st_gid,
                          st.st_mode, st.st_size if name in files else 0))
    return sorted(found)


def roots_below(home):
    """root's own, which nobody else may come to own."""
    return {st.st_ino for st in map(os.lstat, [f"{home}/{name}" for name in
                                               os.listdir(home)])
            if st.st_uid == 0}


def taken(home, inodes):
    """Which of them are the attacker's by now."""
    found = []
    for name in os.listdir(home):
        try:
            st = os.lstat(f"{home}/{name}")
        except OSError:
            continue
        if st.st_ino in inodes and st.st_uid != 0:
            found.append(name)
    return found


def run_row(way, below, mode, top):
    uid = pwd.getpwnam(USER).pw_uid
    home, victim = f"{top}/home", f"{top}/victim"
    os.mkdir(home)
    os.chmod(home, mode)
    os.mkdir(victim, 0o755)
    os.mkdir(f"{victim}/folder", 0o755)
    with open(f"{victim}/folder/file", "w") as f:
        f.write("root's\n")
    if mode == 0o755:
        os.chown(home, uid, uid)
        os.mkdir(f"{home}/roots", 0o755)
        with open(f"{home}/roots/file", "w") as f:
            f.write("root's\n")
    with open(f"{top}/e.conf", "w") as f:
        f.write(f"[store]\npath = {home}/{below}\n"
                f"key_file = {home}/{below.removesuffix('store')}keys/key\n")
    before, roots = facts(victim), roots_below(home)
    attacker = attack(way, home, victim)
    rounds, wrong = 0, []
    try:
        end = time.monotonic() + ROUNDS_S
        while time.monotonic() < end and not wrong:
            subprocess.run([f"{build}/admin/eyelet-store", "-c",
                            f"{top}/e.conf", "init", "--user", USER],
                           capture_output=True, timeout=stands.CALL_S)
            rounds += 1
            if facts(victim) != before:
                wrong.append(f"changed outside: "
                             f"{set(facts(victim)) ^ set(before)}")
            if taken(home, roots):
                wrong.append(f"root's folder is {USER}'s: "
                             f"{taken(home, roots)}")
            # By the user, who can take nothing of root's away.
            subprocess.run(["setpriv", f"--reuid={USER}", "--clear-groups",
                            f"--regid={uid}", "rm", "-rf", f"{home}/store",
                            f"{home}/keys"], stderr=subprocess.DEVNULL,
                           timeout=stands.CALL_S)
    finally:
        os.kill(attacker, 9)
        os.waitpid(attacker, 0)
    shutil.rmtree(home)
    shutil.rmtree(victim)
    return rounds, wrong


def main():
    if os.geteuid() != 0:
        stands.skip("must be root to be attacked")
    bad = 0
    for way, below, mode in ROWS:
        with tempfile.TemporaryDirectory(prefix="eyelet-init.") as top:
            os.chmod(top, 0o755)
            rounds, wrong = run_row(way, below, mode, top)
        name = f"{way.__name__} ({mode:o})"
        print(f"{'FAIL' if wrong else 'ok'}: {name}: {rounds} rounds; "
              f"{'; '.join(wrong) or 'nothing of root changed hands'}")
        bad += bool(wrong)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
