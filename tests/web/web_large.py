#!/usr/bin/env python3
"""Bodies of 25 and 32 MiB pass every layer: each web server by its sample
configuration, with the limits raised that it names; FastCGI, CGI, the socket
of the store's owner; the log, export, the deliverer and a destination. What is
larger is refused, counted, and kept by its head; what all of them together
take of memory has a limit.

	web_large.py [FRONT...]		all of them where none is named
"""
import os
import sys
sys.dont_write_bytecode = True

import concurrent.futures
import hashlib
import re
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from sink import Sink
from stand import effort
from web_rows import event, nomos
from web_stand import FRONTS, WebStand

MIB = 1 << 20
LARGEST = 32 * MIB
# What the sample configurations say, and what 32 MiB and a head need.
RAISED = (("max-request-size = 1088", "max-request-size = 34816"),
          ("client_max_body_size 1088k", "client_max_body_size 34m"),
          ("1114112", str(34 * MIB)))
CROWD = "nginx"  # the front before which many come at once
TRIES = 30  # of one event
PARALLEL = effort(8, 8, 50)
SIZES = effort((LARGEST,), (LARGEST,), (25 * MIB, LARGEST))
BODIES_MAX = 64 * MIB
# The 64 MiB of bodies, the same of the cache, a batch of up to 36 MiB twice,
# a body that goes through the log, and the program itself.
RESIDENT_MAX = 350 * MIB


class LargeStand(WebStand):
    def shipped(self):
        said = text = super().shipped()
        for old, new in RAISED:
            text = text.replace(old, new)
        if text == said:
            raise AssertionError(f"{self.front.conf} names no limit")
        return text

    def send(self, ident, size, endpoint="large"):
        """The answer, and the digest of what was sent."""
        body = event(ident, "order.paid")
        body += b" " * (size - len(body))
        said = self.exchange([
            f"POST /hooks/{endpoint} HTTP/1.1\r\nHost: stand\r\n"
            f"Connection: close\r\nX-Nomos-Signature: {nomos(body)}\r\n"
            f"Content-Type: application/json\r\n"
            f"Content-Length: {size}\r\n\r\n".encode(), body])
        return said, hashlib.sha256(body).hexdigest()

    def resident(self):
        """The most that any of its processes ever had, in bytes."""
        most = 0
        for pid in self.processes():
            with open(f"/proc/{pid}/status") as f:
                most = max(most, int(re.search(r"VmHWM:\s+(\d+)", f.read())[1]))
        return most << 10

    def is_sanitized(self):
        with open(self.program, "rb") as f:
            return b"__asan_init" in f.read()


class Faults(list):
    def must(self, what, said, want):
        if said != want:
            self.append(f"{what}: {said!r}, not {want!r}")


def send_until_taken(stand, ident, size):
    """As a provider does, sends again what got 503: a slow disk confirms
    32 MiB late, and may have them by then."""
    said, digest = stand.send(ident, size)
    for _ in range(TRIES - 1):
        if said != "503 unavailable":
            break
        time.sleep(1)
        said, digest = stand.send(ident, size)
        said = said.replace("duplicate", "accepted")
    return said, digest


def sizes(stand, sink, faults):
    """Each goes through all layers, and comes out as it was."""
    sent = {}
    for size in SIZES:
        said, sent[size] = send_until_taken(
            stand, f"evt_{size}", size)
        faults.must(f"{size >> 20} MiB", said, "200 accepted")
    # A byte more is too large for any endpoint; 2 MiB are for another one.
    for endpoint, size in (("large", LARGEST + 1), ("small", 2 * MIB)):
        said, _ = stand.send("evt_no", size, endpoint)
        faults.must(f"{size} bytes to {endpoint}", said, "413 refused")
        row, = stand.rows("event", "quarantine", "list", "--endpoint",
                          endpoint)
        shown, = stand.rows("event", "quarantine", "show", str(row["no"]))
        faults.must(f"kept of {size} bytes",
                    (row["size"], shown["cut"], len(shown["body"])),
                    (size, True, 4096))
        counted, = stand.rows("endpoint", "show", endpoint)
        faults.must(f"counted of {endpoint}",
                    counted["counts"]["too_large"], 1)
    stand.tool("deliver", "--once")
    taken = sorted(hashlib.sha256(r.body).hexdigest()
                   for r in sink.requests() if len(r.body) > 9 * MIB)
    faults.must("delivered", taken, sorted(sent.values()))
    exported = stand.rows("event", "export", "--endpoint", "large")
    faults.must("exported", sorted(
        hashlib.sha256(r["body"].encode()).hexdigest() for r in exported),
        sorted(sent.values()))


def crowd(stand, faults):
    """Beyond bodies_max 503; when they come again all are accepted."""
    left = {f"evt_crowd_{i}" for i in range(PARALLEL)}
    rounds, refused = 0, 0
    while left and rounds < 4 * PARALLEL:
        rounds += 1
        with concurrent.futures.ThreadPoolExecutor(len(left)) as pool:
            said = dict(zip(left, pool.map(
                lambda ident: stand.send(ident, 25 * MIB)[0], left)))
        for words in set(said.values()) - {"200 accepted", "200 duplicate",
                                           "503 unavailable"}:
            faults.append(f"in a crowd: {words}")
            return
        left = {i for i, words in said.items() if not words.startswith("200")}
        refused += len(left)
    faults.must("never accepted", left, set())
    if refused == 0:
        faults.append(f"{PARALLEL} of 25 MiB at once: no 503")
    most = stand.resident()
    print(f"{stand.front.name}: {PARALLEL} of 25 MiB at once, {refused} "
          f"times 503 in {rounds} rounds, at most {most >> 20} MiB resident")
    if most > RESIDENT_MAX and not stand.is_sanitized():
        faults.append(f"{most >> 20} MiB resident")


def run(front):
    faults = Faults()
    settings = {"receive.bodies_max": BODIES_MAX, "store.floor": 0,
                "store.ballast": 0, "quarantine.bytes": 64 * 1024}
    with LargeStand(front, settings) as stand, Sink() as sink:
        key = ("--secret-file", f"{stand.top}/secret")
        stand.tool("endpoint", "add", "large", "--scheme", "nomos",
                   "--max-body", "32m", *key)
        stand.tool("endpoint", "add", "small", "--scheme", "nomos", *key)
        stand.tool("destination", "add", "sink", "--url", sink.url("/"),
                   "--allow-net", "127.0.0.0/8", "--allow-http", "--timeout",
                   "60s")
        stand.start()
        sizes(stand, sink, faults)
        if front == CROWD:
            crowd(stand, faults)
    return faults


def main(*fronts):
    bad = 0
    for front in fronts or FRONTS:
        for fault in run(front):
            print(f"FAIL: {front}: {fault}")
            bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
