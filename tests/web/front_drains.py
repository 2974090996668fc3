#!/usr/bin/env python3
"""Restarts of eyelet behind each web server, under a steady load: which
requests are not answered 2xx, and how long the slowest waits.

	front_drains.py [--effort=long] [WAY...]

A line for each way. Nothing may be lost, by any of them; a way of which the
web server itself loses requests says how many it may (see eyelet.fcgi(8)).
"""
import sys
sys.dont_write_bytecode = True

import os
import shutil
import signal
import socket
import subprocess
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from stand import Stand, compare, effort, end_load, skip, wait_for
from web_stand import FRONTS, WebStand

RATE, CLIENTS = 200, 8
ROUNDS = effort(1, 1, 9)
PAUSE_S = effort(0.5, 0.5, 2.0)
BACK_S = 30


class KeptSocket(WebStand):
    """The service on a socket that we keep, as systemd does."""

    def start_service(self):
        path = f"{self.home}/fcgi"
        if self.listening is None:
            self.listening = socket.socket(socket.AF_UNIX)
            self.listening.bind(path)
            self.listening.listen(4096)
            self.own(path)
        fd = self.listening.fileno()
        command = ["sh", "-c", 'fd=$1; shift; eval "exec 3<&$fd"; '
                   'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"', "sh", str(fd),
                   self.program, "-c", self.conf]
        with open(self.log, "ab") as log:
            self.service = subprocess.Popen(
                self.as_user(command), env=self.env, pass_fds=[fd],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def ended(stand, pids):
    return not set(pids) & set(stand.processes())


def restart_service(stand):
    pid = stand.service.pid
    os.kill(pid, signal.SIGTERM)
    stand.service.wait(BACK_S)
    stand.start_service()


def replace_service(stand):
    """A second one takes the place of the first, which leaves."""
    first = stand.service
    ours = stand.service_command
    stand.service_command = lambda: [*ours(), "--replace"]
    stand.start_service()
    stand.service_command = ours
    first.wait(BACK_S)


def terminate_child(stand):
    """As after an upgrade: the program at its path is another one by then."""
    shutil.copy2(stand.program, stand.program + ".new")
    os.rename(stand.program + ".new", stand.program)
    starts = stand.starts()
    pids = stand.processes()
    for _ in range(2):
        stand.kill(pids, signal.SIGTERM)
    wait_for("a new start", BACK_S, lambda: stand.starts() > starts)
    assert stand.processes() == pids, "it is another process"
    for pid in pids:
        assert os.readlink(f"/proc/{pid}/exe") == stand.program, "the old one"


def terminate_each(stand):
    pids = stand.processes()
    stand.kill(pids, signal.SIGTERM)
    time.sleep(PAUSE_S)


def graceful(stand):
    stand.graceful()
    time.sleep(PAUSE_S)


# name: front, class, what is done
WAYS = {
    "lighttpd, SIGTERM to its child": ("lighttpd", WebStand, terminate_child),
    "lighttpd, service restarted":
        ("lighttpd-socket", KeptSocket, restart_service),
    "lighttpd, service replaced":
        ("lighttpd-socket", WebStand, replace_service),
    "mod_proxy_fcgi, service restarted":
        ("apache", KeptSocket, restart_service),
    "mod_proxy_fcgi, service replaced": ("apache", WebStand, replace_service),
    "nginx, service restarted": ("nginx", KeptSocket, restart_service),
    "nginx, service replaced": ("nginx", WebStand, replace_service),
    "mod_fcgid, SIGTERM to its children":
        ("apache-fcgid", WebStand, terminate_each),
    "mod_fcgid, Apache reloaded": ("apache-fcgid", WebStand, graceful),
}


def measure(name):
    front, kind, act = WAYS[name]
    with kind(front) as stand:
        stand.start()
        stand.add_endpoint()
        load = stand.load(connections=CLIENTS, rate=RATE)
        wait_for("load", BACK_S, lambda: load.board.acked > RATE // 2)
        for _ in range(ROUNDS):
            act(stand)
            at = load.board.acked
            wait_for("load", BACK_S,
                     lambda at=at: load.board.acked > at + RATE // 4)
            time.sleep(PAUSE_S)
        figures = end_load(load)
        found = compare(stand, [load.journal])
        with open(load.journal) as f:
            again = sum(line.split()[1] == "duplicate" for line in f)
        lost = {key: figures[key] for key in figures
                if key in ("broken", "refused", "timed-out")
                or (key.startswith("status-") and key != "status-200")}
        if act is graceful:
            # Apache closes connections of clients that it keeps, between a
            # request and the next: some have just sent one, which nothing
            # took. What eyelet took and did not answer is told below.
            broken = lost.pop("broken")
            name += f" ({broken} closed by it"
            # mod_fcgid kills a child that has not ended in time, and answers
            # 500 for it; the sender repeats that. An event that was accepted
            # in such a request comes again as a duplicate: unanswered, below.
            name += f", {lost.pop('status-500', 0)} answered 500)"
        lost = {key: n for key, n in lost.items() if n}
        if found["lost"] or found["twice"]:
            lost["store"] = found
        if again:
            lost["unanswered"] = again
        if lost:
            print(stand.tail(20))
        return (name, figures.get("status-200", 0), lost,
                figures["latency"].split("max ")[1])


def comes_back(rounds):
    """lighttpd is killed, and the next one started at once."""
    slowest = 0
    with WebStand("lighttpd") as stand:
        stand.start()
        for _ in range(rounds):
            left = stand.processes()
            stand.web.kill()
            stand.web.wait(10)
            slowest = max(slowest, stand.start())
            wait_for("the old one's end", BACK_S,
                     lambda left=left: ended(stand, left))
            # Its successor is the new web server's own child.
            wait_for("health", BACK_S, stand.answers)
            for _ in range(5):
                assert stand.answers()
    return slowest


def main(*asked):
    bad = 0
    print(f"{RATE} requests/s by {CLIENTS} clients, {ROUNDS} restarts each")
    for name in asked or WAYS:
        name, good, lost, slowest = measure(name)
        print(f"{name:42} {good:6} answered, "
              f"{'none lost' if not lost else f'LOST {lost}'}, "
              f"slowest {slowest}", flush=True)
        bad += bool(lost)
    if not asked:
        print(f"lighttpd killed and started at once: serves after "
              f"{comes_back(ROUNDS + 1):.1f} s at most")
    return 1 if bad else 0


for tool in ("lighttpd", "nginx", "apache2", "openssl"):
    if shutil.which(tool, path=Stand.path()) is None:
        skip(f"{tool} is not installed")
sys.exit(main(*[a for a in sys.argv[1:] if not a.startswith("--")]))
