#!/usr/bin/env python3
"""A disk that hangs, in one call after the other: every request has its answer
within 5 s, 503 and Retry-After, by FastCGI, by CGI and through a process that
does not own the store; healthz and administrators are told; afterwards nothing
is lost and nothing there twice."""
import concurrent.futures
import http.client
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from machine import free_port, slack
from stand import BUILD, CALL_S, Stand, effort, wait_for

WITHIN_S = 5.0
AT_ONCE = {"owner": 32, "other": 8, "cgi": 8}
STALLED_S = 5.0  # then healthz and administrators are told
TOLD_S = 8.0  # within which an administrator has an answer
BACK_S = 10.0
# Calls that hang together; does accepting hang with them?
CASES = [
    ("sync", True),
    ("pwrite", True),
    ("sync pwrite write create unlink statvfs fallocate", True),
    ("statvfs", False),
    ("fallocate create unlink", False),
]

wrong = []


def expect(true, words):
    if not true:
        wrong.append(words)
        print("FAIL:", words, flush=True)


class Fronts(Stand):
    """The owner behind one port of a lighttpd, two other ways in behind two
    ports of another one."""

    def __init__(self):
        super().__init__(settings={"receive.upload_timeout": "10s",
                                   "store.ballast": "1m"})
        self.hang = f"{self.top}/hang"
        self.beside = {"LD_PRELOAD": f"{BUILD}/tests/fault/hang.so",
                       "EYELET_HANG_STORE": self.store,
                       "EYELET_HANG_FILE": self.hang}
        self.ports, self.others = {}, None

    def start_others(self):
        self.ports = {"owner": self.port, "other": free_port(),
                      "cgi": free_port()}
        with open(f"{self.top}/others.conf", "w") as f:
            f.write(f'''
server.bind = "127.0.0.1"
server.port = {self.ports["other"]}
server.document-root = "{self.home}"
server.modules = ( "mod_fastcgi", "mod_alias", "mod_cgi", "mod_setenv" )
fastcgi.server = ( "/hooks" => ((
  "bin-path" => "{self.program} -c {self.conf}",
  "max-procs" => 1,
  "socket" => "{self.home}/fcgi-other",
  "check-local" => "disable" )) )
$SERVER["socket"] == "127.0.0.1:{self.ports["cgi"]}" {{
  fastcgi.server = ()
  setenv.set-environment = ( "EYELET_CONFIG" => "{self.conf}" )
  alias.url = ( "/hooks/" => "{self.program}/" )
  cgi.assign = ( "/eyelet.fcgi" => "" )
}}
''')
        with open(self.log, "ab") as log:
            self.others = subprocess.Popen(
                ["lighttpd", "-D", "-f", f"{self.top}/others.conf"],
                env=dict(self.env, PATH=self.path()), stdout=log, stderr=log,
                stdin=subprocess.DEVNULL)
        for way in ("other", "cgi"):
            wait_for(f"{way} answers", 60, lambda: self.through(
                way, f"evt_{way}")[0] == 200, step=0.2)

    def through(self, way, event_id):
        """Status, Retry-After, seconds."""
        began = time.monotonic()
        try:
            head, headers, _ = Ask(self.ports[way]).post(event_id)
        except (OSError, http.client.HTTPException):
            head, headers = 0, {}
        return head, headers.get("retry-after"), time.monotonic() - began

    def freeze(self, calls):
        with open(f"{self.hang}.new", "w") as f:
            f.write(calls)
        os.chmod(f"{self.hang}.new", 0o644)
        os.rename(f"{self.hang}.new", self.hang)

    def seen(self):
        try:
            with open(f"{self.hang}.seen") as f:
                return {line.split()[0] for line in f}
        except OSError:
            return set()

    def close(self):
        self.freeze("")
        if self.others is not None:
            self.others.terminate()
            self.others.wait(20)
        super().close()


class Ask:
    """Stand's way of posting, at another port."""

    def __init__(self, port):
        self.port = port

    http, post = Stand.http, Stand.post


def told(stand):
    """What an administrator is told, and after how long."""
    began = time.monotonic()
    done = stand.run("store", "status", check=False)
    return done, time.monotonic() - began


def hang(stand, calls, accepting, asked):
    name = calls.replace(" ", "+")
    slow = slack()
    if stand.seen():
        os.unlink(f"{stand.hang}.seen")
    stand.freeze(calls)
    with concurrent.futures.ThreadPoolExecutor(64) as many:
        if not accepting:  # nobody asks: the look at the disk comes by itself
            wait_for(f"{name} hangs", 30, lambda: stand.seen())
        answers = {}
        for way, n in AT_ONCE.items():
            for i in range(n):
                event = f"evt_{name}_{way}_{i}"
                answers[event] = many.submit(stand.through, way, event)
        began = time.monotonic()
        late = 0.0
        for event, answer in answers.items():
            status, again, took = answer.result()
            late = max(late, took)
            asked[event] = status == 200
            if accepting:
                expect(status == 503 and again is not None,
                       f"{event}: {status}, Retry-After {again}")
            else:
                expect(status == 200, f"{event}: {status}")
            expect(took < WITHIN_S + slow, f"{event}: answered in {took:.1f} s")
    expect(stand.seen(), f"{name}: nothing hung")
    wait_for(f"{name}: healthz is bad", STALLED_S + 5 * slow,
             lambda: stand.get("/hooks/healthz")[0] == 503)
    expect(time.monotonic() - began < STALLED_S + 3 * slow,
           f"{name}: healthz late")
    done, took = told(stand)
    expect(took < TOLD_S * slow, f"{name}: status took {took:.1f} s")
    expect(done.returncode == 0 or "hangs" in done.stderr,
           f"{name}: status {done.returncode}, {done.stderr}")
    # The next ones do not wait at all.
    if accepting:
        for way in AT_ONCE:
            event = f"evt_{name}_{way}_next"
            status, again, took = stand.through(way, event)
            asked[event] = status == 200
            expect(status == 503 and took < WITHIN_S,
                   f"{event}: {status} in {took:.1f} s")
    stand.freeze("")
    back = wait_for(f"{name}: healthz is good again", 30 * slow,
                    lambda: stand.get("/hooks/healthz")[0] == 200)
    expect(back < BACK_S * slow, f"{name}: back after {back:.1f} s")
    print(f"{name}: {len(answers)} answers within {late:.2f} s, healthz good "
          f"{back:.2f} s after the end; status: {done.stderr.strip()}",
          flush=True)


def settle(stand, asked):
    """What was refused is sent again, as its sender would."""
    for event, accepted in asked.items():
        word = stand.status(event)
        expect(word == "duplicate" if accepted
               else word in ("accepted", "duplicate"),
               f"{event} again: {word}, accepted before: {accepted}")
    held = {}
    for row in stand.rows("event", "list", "--limit", "0"):
        held[row["id"]] = held.get(row["id"], 0) + 1
    for event in asked:
        expect(held.get(event) == 1, f"{event} is there {held.get(event, 0)} "
                                     "times")


def leave(stand):
    """A process that is told to leave does, whatever hangs."""
    (owner,) = [pid for pid in stand.processes() if
                os.path.exists(f"/proc/{pid}") and "hang.so" in open(
                    f"/proc/{pid}/maps").read()]
    stand.freeze("sync")
    with concurrent.futures.ThreadPoolExecutor(8) as many:
        last = [many.submit(stand.through, "owner", f"evt_last_{i}")
                for i in range(8)]
        time.sleep(0.5)
        os.kill(owner, 15)
        for answer in last:
            status, _, took = answer.result()
            expect(status == 503 and took < WITHIN_S + slack(),
                   f"while it leaves: {status} in {took:.1f} s")
    took = wait_for("the owner is gone", 60,
                    lambda: not os.path.exists(f"/proc/{owner}"))
    print(f"gone {took:.1f} s after its last answers")
    stand.freeze("")
    wait_for("the next one serves", 60, lambda: stand.status(
        "evt_after") in ("accepted", "duplicate"), step=0.2)


def main():
    cases = CASES[:effort(2, len(CASES), len(CASES))]
    asked = {}
    with Fronts() as stand:
        stand.start()
        stand.add_endpoint()
        stand.start_others()
        for calls, accepting in cases:
            hang(stand, calls, accepting, asked)
        settle(stand, asked)
        leave(stand)
        damage = stand.run("store", "check", check=False)
        expect(damage.returncode == 0, f"eyelet-store check: {damage.stdout}"
                                       f"{damage.stderr}")
        reports = [line for line in open(stand.log, errors="replace")
                   if "Sanitizer" in line]
        expect(not reports, f"{reports}")
    sys.exit(1 if wrong else 0)


main()
