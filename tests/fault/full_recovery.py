#!/usr/bin/env python3
"""The owner is killed while its volume is full to the last byte. With the
ballast the next one recovers at once, on a volume of 180 MiB; without it the
next one stays, says 503 and why, to FastCGI, CGI and administrators, and opens
the store by itself once there is room. Nothing acknowledged is lost."""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from machine import slack
from stand import Stand, compare, effort, end_load, skip, wait_for

SIZE = "180m"
BACK_S = 5.0

wrong = []


def expect(true, words):
    if not true:
        wrong.append(words)
        print("FAIL:", words, flush=True)


def fill(path):
    """Leaves not a byte free."""
    with open(path, "wb", buffering=0) as f:
        for size in (1 << 20, 4096, 1):
            try:
                while f.write(b"x" * size) == size:
                    pass
            except OSError:
                pass


def healthz(stand):
    try:
        return stand.get("/hooks/healthz")[0]
    except OSError:
        return 0


def by_cgi(stand):
    """The health page, by plain CGI."""
    env = dict(stand.env, GATEWAY_INTERFACE="CGI/1.1", REQUEST_METHOD="GET",
               SCRIPT_NAME="/hooks", PATH_INFO="/healthz",
               SERVER_PROTOCOL="HTTP/1.1", REMOTE_ADDR="127.0.0.1",
               EYELET_CONFIG=stand.conf)
    return subprocess.run([stand.program], env=env, capture_output=True,
                          text=True, stdin=subprocess.DEVNULL, timeout=60)


def fill_and_kill(stand, load):
    acked = load.board.acked
    wait_for("load in its stride", 60 * slack(),
             lambda: load.board.acked > acked + 1000)
    fill(f"{stand.home}/filler")
    stand.kill_and_wait(stand.processes())


def make_room(stand, load):
    os.unlink(f"{stand.home}/filler")
    acked = load.board.acked
    back = wait_for("service is back", 60 * slack(),
                    lambda: load.board.acked > acked + 32)
    expect(back < BACK_S * slack(), f"back only after {back:.1f} s")
    return back


def with_ballast(stand, load):
    """The store opens, and only the floor keeps it from accepting."""
    ballast = f"{stand.store}/ballast"
    wait_for("a ballast", 30, lambda: os.path.exists(ballast))
    fill_and_kill(stand, load)
    wait_for("it is open", 30 * slack(), lambda: "owner " in stand.run(
        "store", "status", check=False).stdout, step=0.2)
    expect(not os.path.exists(ballast), "the ballast was not given up")
    used = (180 << 20) - os.statvfs(stand.home).f_bavail * 4096
    print(f"opened with {(180 << 20) - used} bytes left of the ballast")
    expect(healthz(stand) == 503, "healthz is good on a full disk")
    return make_room(stand, load)


def without(stand, load):
    fill_and_kill(stand, load)
    time.sleep(1)
    wait_for("the next owner says 503", 30 * slack(),
             lambda: healthz(stand) == 503, step=0.1)
    (owner,) = stand.processes()
    for _ in range(3):
        time.sleep(1)
        expect(healthz(stand) == 503, "healthz is not 503")
        done = stand.run("store", "status", check=False)
        expect(done.returncode == 74 and "No space left" in done.stderr
               and f"free on the volume of {stand.store}" in done.stderr
               and "make room there" in done.stderr,
               f"status: {done.returncode}: {done.stderr}")
        done = by_cgi(stand)
        expect("Status: 503" in done.stdout and "Retry-After" in done.stdout
               and "No space left" in done.stderr,
               f"CGI: {done.stdout}{done.stderr}")
    expect(stand.processes() == [owner],
           f"{owner} did not stay: {stand.processes()}")
    return make_room(stand, load)


def on_demand(stand):
    """No web server: an owner that was started on demand stays as well."""
    stand.stop()
    wait_for("all are gone", 30, lambda: not stand.processes())
    stand.run("store", "status")
    stand.kill_and_wait(stand.processes())
    fill(f"{stand.home}/filler")
    seen = set()
    for _ in range(4):
        done = by_cgi(stand)
        expect("Status: 503" in done.stdout, f"CGI: {done.stdout}")
        seen.update(stand.processes())
    expect(len(seen) == 1, f"owners came and went: {seen}")
    os.unlink(f"{stand.home}/filler")
    wait_for("healthz by CGI", 30 * slack(),
             lambda: "Status: 200" in by_cgi(stand).stdout, step=0.2)
    expect(seen == set(stand.processes()), "another owner came")


def main():
    try:
        stand = Stand(size=SIZE)
    except OSError as why:
        skip(f"may not mount a small file system: {why}")
    with stand:
        stand.write_conf({"store.floor": "64m", "store.ballast": "48m"})
        stand.start()
        stand.add_endpoint()
        load = stand.load(connections=32, again=50)
        back = [with_ballast(stand, load) for _ in range(effort(1, 2, 20))]
        stand.stop()
        if os.path.exists(f"{stand.store}/ballast"):
            os.unlink(f"{stand.store}/ballast")
        stand.write_conf({"store.floor": "1m"})
        stand.start()
        back += [without(stand, load) for _ in range(effort(1, 2, 20))]
        figures = end_load(load)
        on_demand(stand)
        result = compare(stand, [load.journal])
        damage = stand.run("store", "check", check=False)
    print(f"back after at most {max(back):.2f} s; "
          f"{figures.get('status-503', 0)} answers 503; {result['acked']} "
          f"acknowledged, {len(result['lost'])} lost, "
          f"{len(result['twice'])} twice")
    expect(not result["lost"] and not result["twice"] and not figures["twice"],
           f"lost {result['lost'][:5]}, twice {result['twice'][:5]}")
    expect(damage.returncode == 0,
           f"eyelet-store check: {damage.stdout}{damage.stderr}")
    sys.exit(1 if wrong else 0)


main()
