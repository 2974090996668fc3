#!/usr/bin/env python3
"""A full disk: 503 and Retry-After while it lasts, service again by itself
when there is space, nothing acknowledged lost. On a small file system of its
own where we may mount one, and with writes that fail for want of space, by a
quota, or by a limit on file sizes. The health page says 503 as long as events
are refused, also when no more of them come.
"""
import errno
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from machine import slack
from stand import Stand, compare, effort, end_load, skip, wait_for

SIZE = "64m"
BACK_S = 5.0
BODY = 8192  # so that the log's own room is soon used up

wrong = []


def expect(true, words):
    if not true:
        wrong.append(words)


def fill(path):
    """Leaves not a byte free."""
    with open(path, "wb", buffering=0) as f:
        for size in (1 << 20, 4096, 1):
            try:
                while f.write(b"x" * size) == size:
                    pass
            except OSError:
                pass
        os.fsync(f.fileno())


def wait_refused(stand, what):
    """The log has room of its own for a while; then it must say so."""
    wait_for("the full disk is noticed", 120, lambda: stand.post(
        f"evt_probe_{time.monotonic_ns()}")[0] == 503)
    time.sleep(0.5)
    expect(stand.get("/hooks/healthz")[0] == 503,
           f"{what}: events are refused, and healthz is good")


def below_the_floor(stand):
    """Space is short, but there is some: refused before anything is written."""
    stand.write_conf({"store.floor": "8m"})
    stand.start()
    stand.add_endpoint()
    expect(stand.status("evt_before") == "accepted", "refused with room")
    free = os.statvfs(stand.home)
    with open(f"{stand.home}/filler", "wb") as f:
        os.posix_fallocate(f.fileno(), 0,
                           free.f_bavail * free.f_frsize - (4 << 20))
    wait_for("below the floor is noticed", 30,
             lambda: stand.post(f"evt_full_{time.monotonic_ns()}")[0] == 503)
    status, headers, _ = stand.post("evt_full")
    expect(status == 503, f"below the floor: {status}")
    expect("retry-after" in headers, "503 without Retry-After")
    expect(stand.get("/hooks/healthz")[0] == 503, "healthz is not 503")
    os.unlink(f"{stand.home}/filler")
    back = wait_for("service is back", 30,
                    lambda: stand.status("evt_full") == "accepted")
    expect(back < BACK_S * slack(), f"back only after {back:.2f} s")
    expect(stand.status("evt_before") == "duplicate", "evt_before forgotten")
    stand.stop()


def to_the_last_byte(stand, rounds):
    """Filled up under load, so that writes of the store itself fail."""
    stand.write_conf({"store.floor": "0", "store.segment_max": "1m"})
    stand.start()
    load = stand.load(connections=16, again=50, body=BODY)
    back = []
    for _ in range(rounds):
        acked = load.board.acked
        wait_for("load in its stride", 30,
                 lambda: load.board.acked > acked + 200)
        fill(f"{stand.home}/filler")
        wait_refused(stand, "the disk full to the last byte")
        os.unlink(f"{stand.home}/filler")
        acked = load.board.acked
        back.append(wait_for("service is back", 30,
                             lambda: load.board.acked > acked + 32))
    return finish(stand, load, back, "the disk full to the last byte")


ERRORS = (errno.EDQUOT, errno.EFBIG, errno.ENOSPC)


def without_load(stand, error):
    """No event comes any more. The health page stays bad, and is good again
    once there is room."""
    what = os.strerror(error)
    load = stand.load(f"quiet{error}", connections=16, body=65536,
                      prefix=f"quiet{error}_")
    stand.disk.set("full", error)
    wait_refused(stand, what)
    end_load(load)
    for _ in range(5):
        time.sleep(0.5)
        expect(stand.get("/hooks/healthz")[0] == 503,
               f"{what}: healthz is good again while writes fail")
    status = next(iter(stand.rows("store", "status")), {})
    expect(not status.get("healthy") and "quota" in str(status.get("why_not")),
           f"{what}: status: {status.get('why_not')}")
    expect(f"events are refused: flush the log: {what}" in stand.tail(100000),
           f"{what}: the log does not say so: {stand.tail(5)}")
    stand.disk.set("full", 0)
    wait_for("healthz is good again", BACK_S * slack(),
             lambda: stand.get("/hooks/healthz")[0] == 200)
    return load.journal


def killed_over_quota(stand):
    """The next owner stays, says which limit it is, and opens by itself."""
    what = os.strerror(errno.EDQUOT)
    stand.disk.set("full", errno.EDQUOT)
    open(stand.log, "w").close()
    stand.kill_and_wait(stand.processes())
    # An administrator who came too early would start an owner without it.
    wait_for("the next owner says why", 30 * slack(),
             lambda: stand.get("/hooks/healthz")[0] == 503 and
             f"{what}: " in stand.tail() and "raise the quota" in stand.tail(),
             step=0.2)
    (owner,) = stand.processes()
    words = stand.run("store", "status", check=False).stderr
    expect("raise the quota" in words, f"no cure is named: {words}")
    expect(stand.get("/hooks/healthz")[0] == 503, f"{what}: healthz is good")
    stand.disk.set("full", 0)
    wait_for("it opens", 30 * slack(),
             lambda: stand.get("/hooks/healthz")[0] == 200, step=0.1)
    expect(stand.processes() == [owner], f"{owner} did not stay")


def failing_writes(stand, rounds):
    """The same without a file system of our own: writes that grow fail."""
    stand.start()
    stand.add_endpoint()
    load = stand.load(connections=16, again=50, body=BODY)
    back = []
    for i in range(rounds):
        acked = load.board.acked
        wait_for("load in its stride", 30,
                 lambda: load.board.acked > acked + 200)
        error = ERRORS[i % len(ERRORS)]
        stand.disk.set("full", error)
        wait_refused(stand, os.strerror(error))
        stand.disk.set("full", 0)
        acked = load.board.acked
        back.append(wait_for("service is back", 30,
                             lambda: load.board.acked > acked + 32))
    expect(stand.disk.get("failed_writes") > 0, "no write ever failed")
    figures = end_load(load)
    more = [without_load(stand, error)
            for error in ERRORS[:effort(1, 1, 3)]]
    killed_over_quota(stand)
    return finish(stand, load, back, "writes that fail", figures, more)


def finish(stand, load, back, what, figures=None, more=()):
    figures = figures or end_load(load)
    result = compare(stand, [load.journal, *more])
    damage = stand.run("store", "check", check=False)
    print(f"{what}: {len(back)} times, back after at most {max(back):.2f} s; "
          f"{figures.get('status-503', 0)} answers 503; {result['acked']} "
          f"acknowledged, {len(result['lost'])} lost, "
          f"{len(result['twice'])} twice")
    expect(not result["lost"] and not result["twice"] and not figures["twice"],
           f"{what}: lost {result['lost'][:5]}, twice {result['twice'][:5]}")
    expect("status-503" in figures, f"{what}: nobody was told 503")
    expect(not any(figures.get(f"status-{s}") for s in range(400, 500)),
           f"{what}: answered 4xx")
    expect(figures["timed-out"] == 0, f"{what}: requests had no answer")
    expect(max(back) < BACK_S * slack(),
           f"{what}: back only after {max(back):.2f} s")
    expect(damage.returncode == 0,
           f"{what}: eyelet-store check: {damage.stdout}{damage.stderr}")
    stand.stop()


def main():
    rounds = effort(1, 3, 30)
    with Stand(disk=True) as stand:
        failing_writes(stand, rounds)
    small = True
    try:
        stand = Stand(size=SIZE)
    except OSError as why:
        small = False
        print("no file system of our own:", why)
    if small:
        with stand:
            below_the_floor(stand)
            to_the_last_byte(stand, rounds)
    for words in wrong:
        print("FAIL:", words)
    if wrong:
        sys.exit(1)
    if not small:
        skip("may not mount a small file system; failing writes passed")


main()
