#!/usr/bin/env python3
"""Mutated FastCGI records, sent to the program itself: it never ends by them,
and what is good between them is answered.

    fcgi_mutated.py [--effort=short|normal|long] [SEED]

Over a receive() that tells what it was given (tests/stand/fake_lib.c).
"""
import sys
sys.dont_write_bytecode = True

import os
import random
import socket
import struct
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from fcgi_client import *  # noqa: F401,F403
from stand import effort

CONNECTIONS = effort(1500, 1500, 150000)
SENDERS = 3
GOOD_EVERY = 50
GOOD_S = 5.0  # as the rest of the load allows, on any machine

NUMBERS = (0, 1, 2, 4, 5, 7, 8, 9, 11, 127, 128, 129, 191, 192, 254, 255)
LENGTHS = (0, 1, 127, 128, 65535, 1 << 20, 1 << 30, (1 << 31) - 2,
           (1 << 31) - 1)


def parts_of(data):
    out, at = [], 0
    while at < len(data):
        end = at + 8 + struct.unpack(">H", data[at + 4:at + 6])[0]
        out.append(data[at:end + data[at + 6]])
        at = end + data[at + 6]
    return out


def odd_pair(rnd):
    lengths = b"".join(
        struct.pack(">I", rnd.choice(LENGTHS) | 1 << 31) for _ in range(2))
    return lengths + rnd.randbytes(rnd.randrange(40))


def odd_record(rnd):
    kind = rnd.randrange(14)
    content = odd_pair(rnd) if rnd.random() < 0.5 else rnd.randbytes(
        rnd.choice((0, 0, 1, 8, 100)))
    return record(kind, content, rnd.choice((0, 1, 1, 2, 65535)))


def bend(part, rnd):
    part = bytearray(part)
    for _ in range(rnd.randrange(1, 4)):
        at = rnd.randrange(min(len(part), 24))
        part[at] = rnd.choice(NUMBERS)
    return bytes(part)


def mutate(parts, rnd):
    parts = list(parts)
    for _ in range(rnd.randrange(1, 4)):
        at = rnd.randrange(len(parts))
        how = rnd.randrange(6)
        if how == 0:
            parts.insert(at, odd_record(rnd))
        elif how == 1:
            parts.insert(at, rnd.choice(parts))
        elif how == 2 and len(parts) > 1:
            del parts[at]
        elif how == 3:
            parts[at] = parts[at][:rnd.randrange(len(parts[at]) + 1)] or b"\1"
        else:
            parts[at] = bend(parts[at], rnd)
    return parts


def requests():
    """Good ones, in records of several sizes."""
    values = record(GET_VALUES, pair("FCGI_MPXS_CONNS", ""), 0)
    small = begin(keep=True) + b"".join(
        record(PARAMS, pair(n, v)) for n, v in variables(length=4))
    small += record(PARAMS) + record(STDIN, b"bo") + record(STDIN, b"dy")
    return [parts_of(data) for data in (
        post(b"body"), post(b"x" * 300, keep=True, HTTP_X_A="b" * 200),
        values + post(), small + record(STDIN) + post(b"{}"),
        request(variables(method="GET", length=None)))]


class Sender(threading.Thread):
    def __init__(self, where, seed, count):
        super().__init__()
        self.where, self.rnd, self.count = where, random.Random(seed), count
        self.records, self.worst, self.failed = 0, 0.0, None

    def run(self):
        good = requests()
        try:
            for n in range(self.count):
                self.send(mutate(self.rnd.choice(good), self.rnd))
                if n % GOOD_EVERY == 0:
                    self.ask()
        except Exception as failed:  # told by the main thread
            self.failed = failed

    def send(self, parts):
        self.records += len(parts)
        with Connection(self.where) as c:
            c.send_what_goes(b"".join(parts))
            if self.rnd.random() < 0.9:
                c.sock.shutdown(socket.SHUT_WR)
                while c.take(1) is not None:
                    pass

    def ask(self):
        began = time.monotonic()
        answer = ask(self.where, post())
        self.worst = max(self.worst, time.monotonic() - began)
        if answer is None or answer.status != 200:
            raise AssertionError("a good request got no good answer")


def main():
    asked = [arg for arg in sys.argv[1:] if not arg.startswith("--")]
    seed = int(asked[0]) if asked else random.randrange(1 << 32)
    print("seed", seed, flush=True)
    folder = Folder("[receive]\nupload_timeout = 2s\n")
    program = Program(folder, "--workers", "2")
    try:
        senders = [Sender(program.socket, seed + i, CONNECTIONS // SENDERS)
                   for i in range(SENDERS)]
        for s in senders:
            s.start()
        for s in senders:
            s.join()
        failed = [str(s.failed) for s in senders if s.failed is not None]
        if program.process.poll() is not None or failed:
            sys.exit(f"status {program.process.poll()}, {failed}: "
                     f"{program.log()[-5000:]}")
        worst = max(s.worst for s in senders)
        print(f"{sum(s.records for s in senders)} records over {CONNECTIONS} "
              f"connections; the slowest good request took {worst:.3f} s")
        if worst > GOOD_S:
            sys.exit("a good request had to wait")
        if program.stop() != 0:
            sys.exit(program.log()[-5000:])
    finally:
        program.kill()
        folder.remove()


main()
