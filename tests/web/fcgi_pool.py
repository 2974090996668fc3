#!/usr/bin/env python3
"""Few threads serve many connections; nobody starves, nobody is cut off.

Over a receive() that does as a request says (tests/stand/fake_lib.c).
"""
import sys
sys.dont_write_bytecode = True

import os
import resource
import signal
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from fcgi_client import *  # noqa: F401,F403

WORKERS = 2
HEAD_S = 10  # SERVE_HEAD_MS
HONEST_S = 2.0  # an honest request beside slow ones, which hold on for 10 s


def percentile(values, p):
    return sorted(values)[min(len(values) - 1, int(len(values) * p / 100))]


class WithProgram(unittest.TestCase):
    settings = "[receive]\nupload_timeout = 30s\n"

    def setUp(self):
        self.folder = Folder(self.settings)
        self.journal = self.folder.file("journal")
        self.program = None
        self.addCleanup(self.folder.remove)
        self.start()

    def start_with_few_files(self):
        """It starts with as many as it needs at least; then they get few."""
        self.start(preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (256, 256)))
        resource.prlimit(self.program.pid, resource.RLIMIT_NOFILE, (60, 60))

    def start(self, **popen):
        self.program = Program(self.folder, "--workers", str(WORKERS),
                               env={"FAKE_JOURNAL": self.journal}, **popen)
        self.addCleanup(self.program.kill)

    def stop(self):
        self.assertEqual(self.program.stop(), 0, self.program.log())

    def connect(self):
        c = Connection(self.program.socket)
        self.addCleanup(c.close)
        return c

    def journaled(self):
        try:
            with open(self.journal) as f:
                return f.read().split()
        except FileNotFoundError:
            return []

    def honest(self, n):
        """How long each of n honest requests takes."""
        took = []
        for _ in range(n):
            began = time.monotonic()
            answer = ask(self.program.socket, post())
            took.append(time.monotonic() - began)
            self.assertEqual(answer.status, 200)
        return took


class Many(WithProgram):
    def test_hundreds_of_kept_connections_need_two_workers(self):
        held = [self.connect() for _ in range(300)]
        for turn in range(4):
            for i, c in enumerate(held):
                c.send(post(query=f"wait={i % 50}", keep=True,
                            HTTP_X_ID=f"{turn}.{i}"))
            for c in held:
                self.assertEqual(c.answer().status, 200)
        self.assertEqual(len(self.journaled()), 1200)
        self.assertEqual(self.program.workers(), WORKERS)
        self.stop()

    def test_more_than_1024_descriptors(self):
        """select(), which libfcgi has in it, would write past its set."""
        held = [self.connect() for _ in range(1100)]
        for c in held:
            c.send(post(keep=True))
            self.assertEqual(c.answer().status, 200)
        if ROOT:
            self.assertGreater(
                len(os.listdir(f"/proc/{self.program.pid}/fd")), 1024)
        for c in held:
            c.send(post())
            self.assertEqual(c.answer().status, 200)
            self.assertTrue(c.is_closed())
        self.stop()

    def test_no_descriptors_left(self):
        """It waits for some, without turning in circles, and makes room."""
        self.stop()
        self.start_with_few_files()
        held = []
        for _ in range(60):
            c = self.connect()
            c.send(post(keep=True))
            held.append(c)
        began = time.monotonic()
        answers = [c.answer() for c in held]
        self.assertEqual([a.status for a in answers], [200] * 60)
        took = time.monotonic() - began
        with open(f"/proc/{self.program.pid}/stat") as f:
            ticks = sum(int(n) for n in f.read().split()[13:15])
        self.assertLess(ticks / os.sysconf("SC_CLK_TCK"), took / 2 + 0.2)
        self.stop()

    @unittest.skipUnless(ROOT, "only root can look")
    def test_descriptors_do_not_leak(self):
        def count():
            return len(os.listdir(f"/proc/{self.program.pid}/fd"))
        before = count()
        for i in range(300):
            with Connection(self.program.socket) as c:
                data = post(b"x" * 100, query=("", "here", "at-once")[i % 3],
                            keep=i % 2 == 0)
                c.send_what_goes(data[:len(data) - i % 7 * 20])
                if i % 7 == 0:
                    c.answer()
        wait_until(lambda: count() == before,
                   f"the {before} descriptors of before")


class Slow(WithProgram):
    def test_held_heads_starve_nobody(self):
        """Truncated records: whoever reads them must not wait for the rest."""
        began = time.monotonic()
        held = [self.connect() for _ in range(60)]
        for i, c in enumerate(held):
            c.send(post()[:1 + i % 24])
        took = self.honest(200)
        self.assertLess(percentile(took, 99), HONEST_S)
        for c in held:
            self.assertTrue(c.is_closed())
        self.assertGreater(time.monotonic() - began, HEAD_S - 1)
        self.assertLess(time.monotonic() - began, HEAD_S + 15)
        self.program.wait_for_log("no whole request", len(held))
        self.stop()

    def test_slow_uploads_starve_nobody(self):
        """200 bodies at a byte now and then; mod_proxy_fcgi passes them on."""
        body = b"x" * 20000
        data = post(body, keep=False)
        head = len(data) - len(body) - 8
        held = [self.connect() for _ in range(200)]
        for c in held:
            c.send(data[:head])
        took, at = [], head
        until = time.monotonic() + 4
        while time.monotonic() < until:
            for c in held:
                c.send(data[at:at + 1])
            at += 1
            took += self.honest(10)
        self.assertLess(percentile(took, 99), HONEST_S)
        self.assertEqual(self.program.workers(), WORKERS)
        for c in held:
            c.send(data[at:])
        for c in held:
            self.assertEqual(c.answer().status, 200)
        self.stop()

    def threads(self):
        return len(os.listdir(f"/proc/{self.program.pid}/task"))

    def test_a_thousand_half_uploads_harm_nobody(self):
        """At each of the places where an upload can stop."""
        whole = post(b"x" * 3000)
        head = whole.index(record(PARAMS)) + 8
        stops = (16, 20, head - 8, head, head + 5, head + 8, head + 1500,
                 len(whole) - 8, len(whole) - 1)
        idle = self.honest(300)
        threads = self.threads()
        held = [self.connect() for _ in range(1000)]
        for i, c in enumerate(held):
            c.send(whole[:stops[i % len(stops)]])
        took, seen = [], set()
        for _ in range(6):
            took += self.honest(50)
            seen.add(self.threads())
        self.assertEqual(seen, {threads})
        # Ten times as long, or a pause that any machine may make.
        self.assertLess(percentile(took, 95),
                        10 * percentile(idle, 95) + 0.25)
        self.assertLess(max(took), 10 * max(idle) + HONEST_S)
        for i, c in enumerate(held):
            c.send(whole[stops[i % len(stops)]:])
        for c in held:
            self.assertEqual(c.answer().status, 200)
        self.stop()

    def test_end_under_half_uploads(self):
        """They have their time; who is whole is answered."""
        self.folder.configure("[receive]\nupload_timeout = 2s\n")
        self.stop()
        self.start()
        whole = post(b"x" * 3000)
        held = [self.connect() for _ in range(300)]
        for c in held:
            c.send(whole[:-1000])
        self.honest(1)
        self.program.signal()
        for c in held[:100]:
            c.send(whole[-1000:])
        self.assertEqual({c.answer().status for c in held[:100]}, {200})
        self.assertEqual({c.answer().status for c in held[100:]}, {408})
        self.assertEqual(self.program.wait(), 0, self.program.log())

    def test_peer_that_reads_nothing_blocks_nobody(self):
        c = self.connect()
        sent, stalled = 0, False
        while not stalled and sent < 1000:
            sent += 1
            c.send(post(query="big", keep=True, HTTP_X_ID=f"mute-{sent}"))
            try:
                wait_until(lambda: len(self.journaled()) == sent, "commit", 1)
            except AssertionError:
                stalled = True
        # Its last answer waits for room; the next request is not read yet.
        self.assertTrue(stalled)
        self.assertLess(percentile(self.honest(100), 99), HONEST_S)
        for _ in range(sent):
            self.assertEqual(c.answer().status, 200)
        self.assertEqual(len(self.journaled()), sent)
        self.stop()


class Crowded(WithProgram):
    """What all requests together may take of memory, and of places."""
    settings = "[receive]\nbody_max = 16m\nupload_timeout = 30s\n"

    def resident(self):
        with open(f"/proc/{self.program.pid}/status") as f:
            return int(dict(line.split(":", 1) for line in f)
                       ["VmRSS"].split()[0]) << 10

    def is_sanitized(self):
        with open(f"/proc/{self.program.pid}/maps") as f:
            words = f.read()
        return "libasan" in words or "libtsan" in words

    def test_large_half_uploads(self):
        """The oldest make room; what is small needs none of it."""
        before = self.resident()
        whole = post(b"x" * (14 << 20))
        held = []
        for _ in range(24):
            c = self.connect()
            c.send_what_goes(whole[:-1000])
            held.append(c)
            self.honest(5)
        if not self.is_sanitized():
            self.assertLess(self.resident() - before, 280 << 20)
        self.assertEqual(held[0].answer().status, 503)
        self.assertTrue(held[0].is_closed())
        self.program.wait_for_log("status=503 answer=crowded")
        # The last ones have all they need.
        held[-1].send(whole[-1000:])
        self.assertEqual(held[-1].answer().status, 200)
        for c in held:
            c.close()
        self.honest(5)
        wait_until(lambda: ask(self.program.socket, whole).status == 200,
                   "room for a large one")
        self.stop()

    def test_large_parameters(self):
        """They count as bodies do."""
        env = variables() + [("HTTP_X_LONG", "v" * 1000000)]
        whole = request(env)
        held = []
        for _ in range(300):
            c = self.connect()
            c.send_what_goes(whole[:-8])
            held.append(c)
        self.honest(5)
        self.assertEqual(held[0].answer().status, 503)
        held[-1].send(whole[-8:])
        self.assertEqual(held[-1].answer().status, 200)
        for c in held:
            c.close()
        self.stop()

    def test_no_place_left(self):
        """The oldest half upload goes for a new connection."""
        self.stop()
        self.start_with_few_files()
        whole = post(b"x" * 3000)
        held = []
        for i in range(30):
            c = self.connect()
            c.send(whole[:(5, -1000)[i % 2]])
            held.append(c)
        took = self.honest(10)
        self.assertLess(max(took), HEAD_S - 2)
        self.assertEqual(held[1].answer().status, 503)
        self.program.kill()


class Load:
    """Senders that go on until the program is gone."""

    def __init__(self, where, senders, keep):
        self.where, self.keep = where, keep
        self.acked, self.refused = set(), 0
        self.lock = threading.Lock()
        self.ending = False
        self.threads = [threading.Thread(target=self.run, args=(i,))
                        for i in range(senders)]
        for t in self.threads:
            t.start()

    def run(self, sender):
        c, n = None, 0
        while not self.ending:
            n += 1
            name = f"{sender}.{n}"
            try:
                if c is None:
                    c = Connection(self.where)
                c.send(post(b"x" * 100, query=f"wait={n % 3}", keep=self.keep,
                            HTTP_X_ID=name))
                answer = c.answer()
            except OSError:
                answer = None
            if answer is None or not self.keep:
                if c is not None:
                    c.close()
                c = None
            with self.lock:
                if answer is not None and answer.status == 200:
                    self.acked.add(name)
                else:
                    self.refused += 1
            if answer is None:
                time.sleep(0.01)
        if c is not None:
            c.close()

    def end(self):
        self.ending = True
        for t in self.threads:
            t.join()


class Ending(WithProgram):
    def test_end_under_load_answers_what_was_committed(self):
        for turn in range(10):
            with self.subTest(turn=turn):
                if turn > 0:
                    os.unlink(self.journal)
                    self.start()
                load = Load(self.program.socket, 8, keep=turn % 2 == 0)
                try:
                    wait_until(lambda: len(load.acked) > 100, "load")
                    number = (signal.SIGTERM, signal.SIGUSR1,
                              signal.SIGINT)[turn % 3]
                    self.program.signal(signal.SIGHUP)  # which ends nothing
                    acked = len(load.acked)
                    wait_until(lambda: len(load.acked) > acked + 50, "more")
                    self.program.signal(number)
                    status = self.program.wait()
                finally:
                    load.end()
                self.assertEqual(status, 0, self.program.log())
                self.assertEqual(set(self.journaled()) - load.acked, set())

    def test_end_waits_for_requests_in_hand(self):
        data = post(b"x" * 50)
        stored, uploading = [self.connect() for _ in range(2)]
        stored.send(post(query="wait=1500"))
        uploading.send(data[:-30])
        time.sleep(0.3)
        queued = self.connect()
        self.program.signal()
        time.sleep(0.05)
        queued.send(post())  # connected before the end came
        for _ in range(3):
            time.sleep(0.3)
            self.program.signal()
        uploading.send(data[-30:])
        for c in (stored, uploading, queued):
            self.assertEqual(c.answer().status, 200)
        self.assertEqual(self.program.wait(), 0)
        self.assertFalse(os.path.exists(self.program.socket))

    def test_end_takes_the_backlog(self):
        held = [self.connect() for _ in range(WORKERS)]
        for c in held:
            c.send(post()[:5])  # keeps the workers busy for a moment
        time.sleep(0.1)
        waiting = [self.connect() for _ in range(50)]
        for c in waiting:
            c.send(post())
        self.program.signal()
        for c in waiting:
            self.assertEqual(c.answer().status, 200)
        for c in held:
            c.close()
        self.assertEqual(self.program.wait(), 0)

    def test_end_closes_idle_connections(self):
        c = self.connect()
        c.send(post(keep=True))
        self.assertEqual(c.answer().status, 200)
        began = time.monotonic()
        self.stop()
        self.assertLess(time.monotonic() - began, HEAD_S - 1)
        self.assertTrue(c.is_closed())


class Fenced(WithProgram):
    def test_starts_anew_with_its_socket(self):
        idle = self.connect()
        idle.send(post(keep=True))
        self.assertEqual(idle.answer().status, 200)
        started = self.program.pid
        answer = ask(self.program.socket, post(query="fence"))
        self.assertEqual((answer.status, answer.headers["retry-after"]),
                         (503, "5"))
        # Sent while the program is being replaced: waits, then is served.
        def serves():
            answer = ask(self.program.socket, post())
            self.assertIn(answer.status, (200, 503))
            return answer.status == 200
        wait_until(serves, "service")
        self.program.wait_for_log("owns the store", 2)
        self.assertTrue(serves())
        self.assertEqual(self.program.pid, started)
        self.assertIsNone(self.program.process.poll())
        self.assertEqual(self.program.log().count("starting anew"), 1)
        self.stop()


if __name__ == "__main__":
    main()
