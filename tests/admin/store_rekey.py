#!/usr/bin/env python3
"""eyelet-store rekey, its owner killed at every step that can be seen from
outside: the store opens with the old or the new key, with every secret, and
the change can be done again."""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
import stand as stands  # noqa: E402

WAIT_S = 30
# What the owner does to the key files and to its log, and how often.
POINTS = [("openat", 1), ("openat", 2), ("openat", 3), ("openat", 4),
          ("write", 1), ("fsync", 1), ("fsync", 2), ("fsync", 3), ("read", 1),
          ("close", 1), ("close", 3), ("rename", 1), ("log:pwrite64", 1),
          ("log:fdatasync", 1)]
NO_LEAKS = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") +
            ":detect_leaks=0:verify_asan_link_order=0"}


class Keys:
    def __init__(self, stand):
        self.stand = stand
        self.folder = f"{stand.home}/keys"
        self.file = f"{self.folder}/store.key"

    def read(self):
        with open(self.file, encoding="ascii") as f:
            return f.read()

    def names(self):
        return sorted(os.listdir(self.folder))


def tracer_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(f.read().split("TracerPid:")[1].split()[0])


def owner(stand):
    stand.tool("store", "status")
    return stand.processes()[0]


def kill_at(stand, keys, call, nth):
    """True when the owner came there and died of it."""
    pid = owner(stand)
    paths = [keys.file, keys.file + ".new", keys.folder]
    if call.startswith("log:"):
        call = call[4:]
        logs = f"{stand.store}/db/log"
        paths = [f"{logs}/{name}" for name in sorted(os.listdir(logs))]
    trace = ["strace", "-qq", "-f", "-o", "/dev/null", "-p", str(pid)]
    for path in paths:
        trace += ["-P", path]
    trace += ["-e", f"trace={call}",
              "-e", f"inject={call}:signal=KILL:when={nth}"]
    tracer = subprocess.Popen(trace, stderr=subprocess.DEVNULL)
    try:
        stands.wait_for("strace", WAIT_S, lambda: tracer_of(pid) != 0)
        time.sleep(0.1)  # for the owner's other threads; else not reached
        command = [stand.tool_path("store"), "-c", stand.conf, "rekey"]
        asking = subprocess.Popen(command, env=stand.env,
                                  stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        # It would have the next owner do it all again.
        while asking.poll() is None and pid in stand.processes():
            time.sleep(0.002)
        died = asking.poll() is None or pid not in stand.processes()
        if died:
            asking.kill()
        asking.wait(WAIT_S)
    finally:
        # Told to end while its tracee dies, strace may wait for ever.
        tracer.kill()
        tracer.wait(WAIT_S)
    stand.kill_and_wait(stand.processes())
    return died


def main():
    if os.geteuid() != 0 or subprocess.run(
            ["which", "strace"], stdout=subprocess.DEVNULL,
            check=False).returncode != 0:
        stands.skip("no strace, or not root: nobody else traces the owner")
    every = stands.effort(2, 1, 1)
    bad = reached = 0
    with stands.Stand() as stand:
        stand.env.update(NO_LEAKS)
        keys = Keys(stand)
        for name in ("shop", "till"):
            stand.add_endpoint(name)
        for at, (call, nth) in enumerate(POINTS[::every]):
            before = keys.read()
            if not kill_at(stand, keys, call, nth):
                print(f"{call} {nth}: not reached")
                continue
            reached += 1
            beside = [name for name in keys.names() if name.endswith(".new")]
            try:
                told = [stand.tool("secret", "reveal", name).strip()
                        for name in ("shop", "till")]
                stand.tool("endpoint", "add", f"late{at}", "--scheme", "nomos",
                           "--secret-file", f"{stand.top}/secret")
                stand.kill_and_wait(stand.processes())
                told.append(stand.tool("secret", "reveal",
                                       f"late{at}").strip())
                stand.tool("store", "check")
            except RuntimeError as why:
                print(f"FAIL: killed at {call} {nth}: {why}")
                bad += 1
                break
            if set(told) != {stands.SECRET} or f"{keys.file}.new" in beside:
                print(f"FAIL: killed at {call} {nth}: {told}")
                bad += 1
            left = [name for name in keys.names() if name.endswith(".new")]
            print(f"{call} {nth}: {'with' if beside else 'without'} the new "
                  f"key beside; opened with the "
                  f"{'old' if keys.read() == before else 'new'} one")
            if left:
                print(f"FAIL: killed at {call} {nth}: {left} stays")
                bad += 1
        now = keys.read()
        stand.tool("store", "rekey")
        if keys.read() == now:
            print("FAIL: the key is not another one in the end")
            bad += 1
    print(f"killed at {reached} of {len(POINTS[::every])} points, {bad} bad")
    if reached < len(POINTS[::every]) // 2:
        print("FAIL: too few points were reached")
        bad += 1
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
