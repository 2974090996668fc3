#!/usr/bin/env python3
"""The owner is killed while its volume is full to the last byte. With the
ballast the next one recovers at once, on a volume of 180 MiB; without it the
next one stays, says 503 and why, to FastCGI, CGI and administrators, and opens
the store by itself once there is room. Nothing acknowledged is lost. Neither
is it when no inode is free, when a limit on file sizes is in the way, and when
a rebuild or a new store finds no room."""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from machine import slack
from stand import Stand, compare, effort, end_load, skip, wait_for

SIZE = "180m"
BACK_S = 5.0
BODY = 65536
PAGE = 8192  # of a table of events

wrong = []


def expect(true, words):
    if not true:
        wrong.append(words)
        print("FAIL:", words, flush=True)


def free(stand):
    now = os.statvfs(stand.home)
    return now.f_bavail * now.f_frsize


def fill(path):
    """Leaves not a byte free."""
    with open(path, "wb", buffering=0) as f:
        room = os.statvfs(path)
        try:
            os.posix_fallocate(f.fileno(), 0,
                               max(1, (room.f_bavail - 64) * room.f_frsize))
        except OSError:
            pass
        f.seek(0, os.SEEK_END)
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


def fill_and_kill(stand, load, events):
    acked = load.board.acked
    wait_for("load in its stride", 60 * slack(),
             lambda: load.board.acked > acked + events)
    fill(f"{stand.home}/filler")
    stand.kill_and_wait(stand.processes())


def make_room(stand, load):
    os.unlink(f"{stand.home}/filler")
    acked = load.board.acked
    back = wait_for("service is back", 60 * slack(),
                    lambda: load.board.acked > acked + 32)
    expect(back < BACK_S * slack(), f"back only after {back:.1f} s")
    return back


def is_torn(stand):
    """The kill, or the end of the room, came between the two blocks of a page:
    to mend it takes more room than a ballast gives."""
    return "the store is damaged; it is rebuilt from" in stand.tail(20000)


def with_ballast(stand, load):
    """The store opens, and only the floor keeps it from accepting. The kill
    comes right before the checkpoint that 16 MiB of log would bring, so that
    nothing of that is in the tables."""
    ballast = f"{stand.store}/ballast"
    fill_and_kill(stand, load, 12 * (1 << 20) // BODY)
    wait_for("it is open", 30 * slack(), lambda: "owner " in stand.run(
        "store", "status", check=False).stdout or is_torn(stand), step=0.2)
    expect(not os.path.exists(ballast), "the ballast was not given up")
    print(f"{free(stand) >> 10} KiB left of the ballast,",
          "a page is torn" if is_torn(stand) else "the store is open")
    expect(healthz(stand) == 503, "healthz is good on a full disk")
    return make_room(stand, load)


def without(stand, load):
    fill_and_kill(stand, load, 200)
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


def said(stand):
    """Why the store is not open, as an administrator is told."""
    return stand.run("store", "status", check=False).stderr


def comes_back(stand, what):
    wait_for(f"{what}: it is back", 30 * slack(),
             lambda: stand.status(f"evt_back_{time.monotonic_ns()}") ==
             "accepted", step=0.2)


def serve(stand, what):
    """Starts the web server, whose eyelet.fcgi cannot open the store."""
    ready, stand.answers = stand.answers, lambda: healthz(stand) == 503
    try:
        stand.start()
    except TimeoutError:
        expect(False, f"{what}: no answer 503")
    stand.answers = ready


def end(stand):
    stand.stop()
    stand.kill_and_wait(stand.processes())


def no_inode(stand):
    """Neither a lock file nor a socket can be made; a ballast is one inode."""
    end(stand)
    for name in ("lock", "socket"):
        if os.path.exists(f"{stand.store}/{name}"):
            os.unlink(f"{stand.store}/{name}")
    with open(f"{stand.store}/ballast", "w"):
        pass
    os.mkdir(f"{stand.home}/inodes")
    last = 0
    try:
        while True:
            with open(f"{stand.home}/inodes/{last}", "w"):
                last += 1
    except OSError:
        pass
    os.unlink(f"{stand.home}/inodes/{last - 1}")  # for lighttpd's own socket
    serve(stand, "no inode")
    wait_for("the cure is named", 30 * slack(), lambda: "no inode is free on "
             f"the volume of {stand.store}: remove files" in stand.tail())
    expect(not os.path.exists(f"{stand.store}/ballast"),
           "no inode: the ballast was not given up")
    subprocess.run(["rm", "-r", f"{stand.home}/inodes"], check=True)
    comes_back(stand, "no inode")
    end(stand)


def too_large(stand):
    """A limit on the size of files, which the log reaches in recovery."""
    stand.start()
    open(stand.log, "w").close()  # lighttpd is to have the limit, too
    subprocess.run(["prlimit", f"--pid={stand.web.pid}", f"--fsize={1 << 20}:"],
                   check=True)
    stand.kill_and_wait(stand.processes())
    # An administrator who came too early would start an owner without it.
    wait_for("the next owner says why", 30 * slack(),
             lambda: healthz(stand) == 503 and "ulimit -f" in stand.tail(),
             step=0.1)
    expect("File too large" in said(stand) and "ulimit -f" in said(stand),
           f"a limit on file sizes: {said(stand)}")
    (owner,) = stand.processes()
    subprocess.run(["prlimit", f"--pid={owner}", "--fsize=unlimited:"],
                   check=True)
    comes_back(stand, "a limit on file sizes")
    expect(stand.processes() == [owner], "the owner did not stay")


def tear_pages(stand):
    """Leaves half of each page of events, as a write does that ends at the last
    free block, or a kill between the two blocks of a page."""
    db = f"{stand.store}/db"
    name = max(n for n in os.listdir(db) if n.startswith("events-"))
    with open(f"{db}/{name}", "r+b", buffering=0) as f:
        for at in range(PAGE + PAGE // 2, f.seek(0, os.SEEK_END), PAGE):
            if any(os.pread(f.fileno(), PAGE // 2, at)):
                os.pwrite(f.fileno(), bytes(PAGE // 2), at)


def rebuilt(stand, ballast):
    """A store that is damaged is not opened as it is for want of room, even
    where not a byte is free to note the damage in."""
    what = "a rebuild" + (", with a ballast" if ballast else "")
    file = f"{stand.store}/ballast"
    end(stand)
    stand.start()
    comes_back(stand, what)  # with an event that recovery has to write
    stand.cut_power()
    tear_pages(stand)
    if ballast:
        with open(file, "wb") as f:
            os.posix_fallocate(f.fileno(), 0, 4 << 20)
    fill(f"{stand.home}/filler")
    serve(stand, what)
    if ballast:
        wait_for(f"{what}: it is noted", 30 * slack(),
                 lambda: os.path.exists(f"{stand.store}/damaged"))
        expect(not os.path.exists(file), f"{what}: the ballast is there")
        fill(f"{stand.home}/filler2")
        wait_for(f"{what}: the cure is named", 30 * slack(), lambda:
                 "rebuild the store" in said(stand) and "make" in said(stand))
        expect(os.path.exists(f"{stand.store}/damaged"), "the mark is gone")
        os.unlink(f"{stand.home}/filler2")
    os.unlink(f"{stand.home}/filler")
    comes_back(stand, what)
    expect(os.path.isdir(f"{stand.store}/db.damaged") and
           not os.path.exists(f"{stand.store}/damaged"),
           f"{what}: it was not rebuilt")


def new_store(stand):
    """The first open of a new store makes its tables."""
    fill(f"{stand.home}/filler")
    serve(stand, "a new store")
    expect("make room there" in said(stand), f"a new store: {said(stand)}")
    os.unlink(f"{stand.home}/filler")
    wait_for("a new store: it opens", 30 * slack(),
             lambda: healthz(stand) == 200, step=0.2)


def main():
    try:
        stand = Stand(size=SIZE + ",nr_inodes=2000")
    except OSError as why:
        skip(f"may not mount a small file system: {why}")
    with stand:
        new_store(stand)
        end(stand)
        stand.write_conf({"store.floor": "64m", "store.ballast": "48m"})
        stand.start()
        stand.add_endpoint()
        wait_for("a ballast", 30,
                 lambda: os.path.exists(f"{stand.store}/ballast"))
        load = stand.load(connections=32, again=50, body=BODY)
        back = [with_ballast(stand, load)]
        end_load(load)
        stand.stop()
        journals = [load.journal]
        if os.path.exists(f"{stand.store}/ballast"):
            os.unlink(f"{stand.store}/ballast")
        stand.write_conf({"store.floor": "1m"})
        stand.start()
        load = stand.load("small", connections=32, again=50, prefix="small_")
        back += [without(stand, load) for _ in range(effort(1, 2, 20))]
        figures = end_load(load)
        on_demand(stand)
        no_inode(stand)
        too_large(stand)
        for ballast in (False, True):
            rebuilt(stand, ballast)
        result = compare(stand, journals + [load.journal])
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
