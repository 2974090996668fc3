#!/usr/bin/env python3
"""Who has the store open, and what the other processes do meanwhile.

Several tests/stand/fake.fcgi on one folder: the real locks, sockets and frames over
a store that does as a request tells it (tests/stand/fake_lib.c). CGI runs, too.
"""
import sys
sys.dont_write_bytecode = True

import json
import os
import signal
import subprocess
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from fcgi_client import *  # noqa: F401,F403
from machine import slack

EX_USAGE, EX_CONFIG = 64, 78
IDLE_S = 60  # SERVICE_IDLE_S
ANSWER_S = 5  # then 503
BACK_S = 3  # until another owns the store
MIB = 1 << 20


class InFolder(unittest.TestCase):
    def setUp(self):
        self.folder = Folder("[receive]\nbody_max = 1m\nupload_timeout = 4s\n")
        self.addCleanup(self.folder.remove)
        self.journal = self.folder.file("journal")
        self.env = {"FAKE_JOURNAL": self.journal}

    def start(self, name, role="owns the store", options=("--workers", "2"),
              **more):
        """A process behind a socket of its own; its log has its name."""
        program = Named(self.folder, name, *options, env=self.env, **more)
        self.addCleanup(program.kill)
        program.wait_for_log(role)
        return program

    def serve_store(self):
        """eyelet.fcgi --store, as a client would start it."""
        program = Named(self.folder, "store", "--store", env=self.env,
                        start_new_session=True)
        self.addCleanup(program.kill)
        program.wait_for_log("owns the store")
        return program

    def holder(self):
        """The process that has the store, by its lock file; None for none."""
        try:
            with open(os.path.join(self.folder.store, "lock"), "rb") as f:
                text = f.read().decode("ascii", "replace")
        except FileNotFoundError:
            return None
        for word in text.replace("\n", " ").split():
            name, _, value = word.partition("=")
            if name == "pid" and os.path.exists(f"/proc/{value}/stat"):
                return int(value)
        return None

    def end_holder(self):
        pid = self.holder()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)

    def journaled(self):
        try:
            with open(self.journal) as f:
                return f.read().split()
        except FileNotFoundError:
            return []

    def serves(self, where, **variables):
        answer = ask(where, post(**variables))
        self.assertIsNotNone(answer)
        self.assertEqual(answer.status, 200, answer.body)
        return json.loads(answer.body)


class Named(Program):
    """A program whose socket and log have a name, beside others."""

    def __init__(self, folder, name, *options, **more):
        whole = folder

        class Place:
            conf = whole.conf
            socket = whole.file(name + ".sock")

            @staticmethod
            def file(suffix):
                return whole.file(f"{name}.{suffix}")
        super().__init__(Place, *options, wait=False, **more)


class Load(threading.Thread):
    """One sender; what it was told of each request."""

    def __init__(self, where, name):
        super().__init__()
        self.where, self.name_of_it = where, name
        self.acked, self.other, self.slowest = [], [], 0
        self.ending = False
        self.start()

    def run(self):
        n = 0
        while not self.ending:
            n += 1
            name = f"{self.name_of_it}.{n}"
            began = time.monotonic()
            try:
                answer = ask(self.where, post(b"x" * 50, query="wait=2",
                                              HTTP_X_ID=name))
            except OSError:
                answer = None
            self.slowest = max(self.slowest, time.monotonic() - began)
            if answer is not None and answer.status == 200:
                self.acked.append(name)
            else:
                self.other.append((name, answer and answer.status))

    def end(self):
        self.ending = True
        self.join()


class Forwarding(InFolder):
    def test_second_process_hands_requests_on(self):
        self.start("first")
        second = self.start("second", "requests go there")
        body = os.urandom(100000)
        env = variables(length=len(body), query="status=202",
                        HTTP_X_ID="forwarded", HTTPS="on",
                        CONTENT_TYPE="a/b")
        answer = ask(second.socket, request(env, body))
        self.assertEqual(answer.status, 202)
        self.assertEqual(answer.headers["content-type"], "application/json")
        self.assertEqual(answer.headers["cache-control"], "no-store")
        got = json.loads(answer.body)
        self.assertEqual((got["length"], got["peer"], got["https"]),
                         (len(body), "192.0.2.1", True))
        self.assertEqual(got["headers"], [["x-id", "forwarded"],
                                          ["content-type", "a/b"]])
        self.assertEqual(self.journaled(), ["forwarded"])
        # Its own log has the line, too.
        second.wait_for_log("status=202 answer=echo")

    def test_what_the_owner_refuses_is_refused(self):
        self.start("first")
        second = self.start("second", "requests go there")
        rows = [
            ("not POST", variables(method="GET", length=None), b"", 405),
            ("no length", variables(length=None), b"", 411),
            ("no number", variables(length="5x"), b"hello", 400),
            ("too short", variables(length=6), b"hello", 400),
            ("too long", variables(length=4), b"hello", 400),
            ("too large", variables(length=MIB + 1), b"x", 413),
            ("no request", [], b"", 400),
            ("empty", variables(length=0), b"", 200),
            ("the largest", variables(length=MIB), b"x" * MIB, 200),
        ]
        for when, env, body, status in rows:
            with self.subTest(when):
                answer = ask(second.socket, request(env, body))
                self.assertEqual(answer.status, status)
        answer = ask(second.socket, request(variables(method="GET",
                                                      length=None)))
        self.assertEqual(answer.headers["allow"], "POST")
        with Connection(second.socket) as c:
            c.send(post(b"x" * 1000)[:-100])
            self.assertEqual(c.answer().status, 408)

    def test_many_at_once(self):
        self.start("first")
        second = self.start("second", "requests go there")
        held = [Connection(second.socket) for _ in range(100)]
        for turn in range(3):
            for i, c in enumerate(held):
                c.send(post(query=f"wait={i % 9}", keep=True,
                            HTTP_X_ID=f"{turn}.{i}"))
            for c in held:
                self.assertEqual(c.answer().status, 200)
        for c in held:
            c.close()
        self.assertEqual(len(set(self.journaled())), 300)

    def test_owner_killed(self):
        """The other one takes its place; nothing answered is lost."""
        for turn in range(5):
            first = self.start(f"first{turn}")
            second = self.start(f"second{turn}", "requests go there")
            loads = [Load(second.socket, f"{turn}.{i}") for i in range(4)]
            try:
                wait_until(lambda: sum(len(x.acked) for x in loads) > 50,
                           "load")
                first.kill()
                began = time.monotonic()
                second.wait_for_log("owns the store")
                self.assertLess(time.monotonic() - began, BACK_S * slack())
                before = sum(len(x.acked) for x in loads)
                wait_until(lambda: sum(len(x.acked) for x in loads) >
                           before + 50, "service")
            finally:
                for load in loads:
                    load.end()
            stored = self.journaled()
            for load in loads:
                self.assertEqual(load.other, [])
                self.assertEqual(set(load.acked) - set(stored), set())
                self.assertLess(load.slowest, BACK_S * slack())
            self.assertEqual(second.stop(), 0)

    def test_owner_ended(self):
        """A graceful end of the owner costs its forwarders nothing."""
        first = self.start("first")
        second = self.start("second", "requests go there")
        load = Load(second.socket, "x")
        try:
            wait_until(lambda: len(load.acked) > 30, "load")
            self.assertEqual(first.stop(), 0)
            second.wait_for_log("owns the store")
            before = len(load.acked)
            wait_until(lambda: len(load.acked) > before + 30, "service")
        finally:
            load.end()
        self.assertEqual(load.other, [])

    def test_owner_stopped(self):
        """One that answers nothing: 503 in time, and on when it does."""
        first = self.start("first")
        second = self.start("second", "requests go there")
        self.serves(second.socket)
        first.signal(signal.SIGSTOP)
        try:
            began = time.monotonic()
            answer = ask(second.socket, post())
            self.assertEqual((answer.status, answer.headers["retry-after"]),
                             (503, "5"))
            self.assertLess(time.monotonic() - began, 2 * ANSWER_S + 10)
        finally:
            first.signal(signal.SIGCONT)
        self.serves(second.socket)

    def test_second_process_ends_gracefully(self):
        self.start("first")
        second = self.start("second", "requests go there")
        with Connection(second.socket) as c:
            c.send(post(query="wait=1000"))
            time.sleep(0.3)
            second.signal()
            self.assertEqual(c.answer().status, 200)
        self.assertEqual(second.wait(), 0)

    def test_workers_of_a_forwarder(self):
        """Each waits for the owner, so there are more; then fewer again."""
        first = self.start("first")
        self.assertEqual(first.workers(), 2)
        second = self.start("second", "requests go there")
        wait_until(lambda: second.workers() == 16, "more workers")
        first.kill()
        second.wait_for_log("owns the store")
        for _ in range(100):
            self.serves(second.socket)
        wait_until(lambda: second.workers() == 2, "fewer workers")


class Releases(InFolder):
    HELPER = os.path.join(TOP, "tests", "stand", "owner_helper")
    NEWER = "99.0.0"

    def test_gives_way_to_a_newer_release(self):
        """Asked by a newer client it leaves; what is in hand is answered."""
        first = self.start("first")
        with Connection(first.socket) as c:
            c.send(post(query="wait=1500"))
            time.sleep(0.3)
            asker = subprocess.Popen(
                [self.HELPER, "status", "--version", self.NEWER, "--role",
                 "fastcgi", "-c", self.folder.conf],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.addCleanup(asker.wait)
            self.addCleanup(asker.kill)
            self.assertEqual(c.answer().status, 200)
        self.assertEqual(first.wait(), 0)
        self.assertIn("leaving: ", first.log())

    def test_makes_room_beside_a_newer_owner(self):
        """It cannot be understood: 503 at once, and the next one is new."""
        with open(self.folder.file("knobs"), "w") as f:
            f.write(f"version {self.NEWER}\n")
        owner = subprocess.Popen(
            [self.HELPER, "--fastcgi", "-c", self.folder.conf],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.addCleanup(owner.wait)
        self.addCleanup(owner.kill)
        wait_until(lambda: os.path.exists(self.folder.file("owners")),
                   "the newer owner")
        second = self.start("second", "requests go there")
        began = time.monotonic()
        answer = ask(second.socket, post())
        self.assertEqual((answer.status, answer.headers["retry-after"]),
                         (503, "5"))
        self.assertLess(time.monotonic() - began, ANSWER_S)
        self.assertEqual(second.wait(), 0)
        self.assertIn("newer release", second.log())


class OnDemand(InFolder):
    @classmethod
    def setUpClass(cls):
        # Its minute passes while the others run.
        cls.idle_folder = Folder()
        cls.idle = Named(cls.idle_folder, "idle", "--store",
                         start_new_session=True)
        cls.idle_since = time.monotonic()

    @classmethod
    def tearDownClass(cls):
        cls.idle.kill()
        cls.idle_folder.remove()

    def test_gives_way_to_a_web_server(self):
        store = self.serve_store()
        first = self.start("first")
        self.assertEqual(store.wait(), 0)
        self.assertIn("leaving", store.log())
        self.serves(first.socket)
        self.assertEqual(self.holder(), first.pid)

    def test_leaves_when_the_store_is_taken(self):
        first = self.start("first")
        store = Named(self.folder, "store", "--store")
        self.addCleanup(store.kill)
        self.assertEqual(store.wait(), 0)
        self.assertIn("another process owns the store", store.log())
        self.serves(first.socket)

    def test_ends_by_signals(self):
        store = self.serve_store()
        self.assertEqual(store.stop(), 0)

    def test_takes_no_requests_of_web_servers(self):
        store = self.serve_store()
        self.assertFalse(os.path.exists(store.socket))
        self.assertEqual(store.workers(), 0)

    def test_zz_leaves_when_idle(self):
        left = self.idle_since + IDLE_S - time.monotonic()
        if left > 3:
            time.sleep(left - 3)
            self.assertIsNone(self.idle.process.poll())
        self.assertEqual(self.idle.wait(), 0)
        self.assertIn("nobody needs the store", self.idle.log())
        self.assertGreaterEqual(time.monotonic() - self.idle_since, IDLE_S - 1)


class Cgi(InFolder):
    def setUp(self):
        super().setUp()
        # Who owns the store in the end was started by a CGI run.
        self.addCleanup(self.end_holder)

    def run_it(self, env, body=b"", conf=None, hold=False, patience=PATIENCE,
               args=(), gateway={"GATEWAY_INTERFACE": "CGI/1.1"}):
        """A CGI run: status, headers, body, words, exit status."""
        full = {"PATH": os.environ["PATH"], **gateway,
                "EYELET_CONFIG": conf or self.folder.conf}
        for name in ("ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                full[name] = os.environ[name]
        full.update(dict(env))
        p = subprocess.Popen(
            [FAKE, *args], env=full, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            if hold:
                # A web server may keep the input open behind the body.
                p.stdin.write(body)
                p.stdin.flush()
                p.wait(patience)
                out, words = p.stdout.read(), p.stderr.read()
            else:
                out, words = p.communicate(body, timeout=patience)
        finally:
            if p.poll() is None:
                p.kill()
                p.wait()
            for f in (p.stdin, p.stdout, p.stderr):
                f.close()
        answer = Answer(out, words, None)
        answer.exit = p.returncode
        return answer

    def test_request_and_answer(self):
        self.start("first")
        body = os.urandom(70000)
        answer = self.run_it(variables(
            path="/hooks/shop", query="status=202&big", length=len(body),
            HTTP_X_ID="by-cgi", CONTENT_TYPE="a/b"), body)
        self.assertEqual((answer.status, answer.exit), (202, 0))
        self.assertEqual(answer.lines[0], "Status: 202 Accepted")
        self.assertEqual(answer.headers["content-type"], "application/json")
        self.assertEqual(answer.headers["cache-control"], "no-store")
        self.assertEqual(len(answer.body), 2048)
        got = json.loads(answer.body.rstrip(b"."))
        self.assertEqual((got["path"], got["length"]), ("/hooks/shop", 70000))
        self.assertEqual(self.journaled(), ["by-cgi"])
        self.assertRegex(answer.stderr.decode(),
                         r"^\S+Z status=202 answer=echo ms=\d+\.\d{3}\n$")

    def test_starts_an_owner_when_there_is_none(self):
        answer = self.run_it(variables(length=2), b"{}")
        self.assertEqual(answer.status, 200, answer.stderr)
        owner = self.holder()
        self.assertIsNotNone(owner)
        with open(f"/proc/{owner}/cmdline") as f:
            self.assertIn("--store", f.read())
        self.assertEqual(self.run_it(variables(length=2), b"{}").status, 200)
        self.assertEqual(self.holder(), owner)
        if not ROOT:
            return
        # Nothing of the request is in its environment.
        with open(f"/proc/{owner}/environ") as f:
            self.assertNotIn("REQUEST_METHOD", f.read())

    def test_reads_as_much_as_was_declared(self):
        self.start("first")
        rows = [
            ("whole", 5, b"hello", False, 200),
            ("input stays open", 5, b"hello", True, 200),
            ("more than declared", 3, b"hello", False, 200),
            ("cut", 6, b"hello", False, 400),
            ("slow", 6, b"hello", True, 408),
            ("none declared", None, b"hello", False, 411),
            ("no number", "5x", b"hello", False, 400),
            ("empty", 0, b"", True, 200),
            ("too large", MIB + 1, b"hello", False, 413),
        ]
        for when, length, body, hold, status in rows:
            with self.subTest(when):
                answer = self.run_it(variables(length=length), body,
                                     hold=hold)
                self.assertEqual((answer.status, answer.exit), (status, 0))
                if status == 200 and length:
                    self.assertEqual(json.loads(answer.body)["length"],
                                     length)

    @unittest.skipUnless(ROOT, "only root can become somebody else")
    def test_is_private(self):
        """Whoever runs as the same user cannot look into it."""
        os.chmod(self.folder.path, 0o755)
        self.start("first")
        p = subprocess.Popen(
            [FAKE], stdin=subprocess.PIPE,
            env=dict(variables(length=5), GATEWAY_INTERFACE="CGI/1.1",
                     EYELET_CONFIG=self.folder.conf),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            preexec_fn=lambda: os.setuid(12345))
        self.addCleanup(p.wait)
        wait_until(lambda: os.stat(f"/proc/{p.pid}/environ").st_uid == 0,
                   "privacy", 1)
        out, _ = p.communicate(b"hello", timeout=PATIENCE)
        self.assertIn(b"Status: ", out)

    def test_no_request(self):
        """GATEWAY_INTERFACE alone: neither a request nor a service."""
        for args in ((), ("--version",), ("--socket", self.folder.socket),
                     ("--store",)):
            with self.subTest(args):
                answer = self.run_it([], args=args)
                self.assertEqual((answer.lines, answer.exit), ([], EX_USAGE))
                words = answer.stderr.decode()
                self.assertIn("no REQUEST_METHOD", words)
        self.assertIsNone(self.holder())
        # The cure that it names.
        cure = words[words.index("env -u"):].rstrip().rstrip('"').split()
        done = subprocess.run(
            [*cure, FAKE, "--version"], capture_output=True, text=True,
            env=dict(os.environ, GATEWAY_INTERFACE="CGI/1.1"))
        self.assertRegex(done.stdout, r"^eyelet\.fcgi \d")
        answer = self.run_it([("REQUEST_METHOD", "")])
        self.assertEqual((answer.status, answer.exit), (400, 0))
        self.assertIsNone(self.holder())

    def test_arguments_are_the_clients(self):
        """RFC 3875, 4.4: the query string's words. None is looked at."""
        self.start("first")
        theirs = self.folder.file("theirs.conf")
        body = f"[store]\npath = {self.folder.file('theirs')}\n".encode()
        with open(theirs, "wb") as f:
            f.write(body)
        at = self.folder.file("theirs.sock")
        rows = [
            ["--version"], ["--help"], ["-h"], ["x"], ["--xyzzy"], ["-x"],
            ["--"], [""], ["--store"], ["--workers", "1"], ["--workers"],
            ["--socket", at], ["--socket=" + at], ["--socket"],
            ["--sock", at, "--workers", "1"], ["-c", theirs], ["-c" + theirs],
            ["-c", "/dev/stdin"], ["-c", "/proc/self/fd/0"], ["-c", "/"],
            ["-c", theirs, "--socket", at], ["-c", theirs, "--store"],
            ["--become-command", "/bin/true"],
        ]
        both = {"GATEWAY_INTERFACE": "CGI/1.1"}
        for gateway in (both, {}, {"GATEWAY_INTERFACE": ""}):
            for args in rows:
                with self.subTest((gateway, args)):
                    answer = self.run_it(variables(length=len(body)), body,
                                         args=args, gateway=gateway)
                    self.assertEqual((answer.status, answer.exit), (200, 0))
        self.assertFalse(os.path.exists(at))
        self.assertFalse(os.path.exists(self.folder.file("theirs")))

    def test_no_configuration(self):
        with open(self.folder.conf, "w") as f:
            f.write("[store]\nnonsense = 1\n")
        answer = self.run_it(variables(length=0))
        self.assertEqual((answer.status, answer.headers["retry-after"]),
                         (503, "5"))
        self.assertEqual(answer.exit, EX_CONFIG)
        self.assertIn(b"nonsense", answer.stderr)
        self.assertNotIn(b"nonsense", answer.body)

    def test_no_owner_to_be_had(self):
        self.folder.configure(program="/nonexistent/eyelet.fcgi")
        answer = self.run_it(variables(length=0))
        self.assertEqual((answer.status, answer.headers["retry-after"]),
                         (503, "5"))
        self.assertEqual(answer.exit, 0)
        self.assertIn(b"/nonexistent/eyelet.fcgi", answer.stderr)

    def test_many_at_once(self):
        """Twenty runs, no owner before: one is started, all are answered."""
        answers = [None] * 20

        def one(i):
            answers[i] = self.run_it(variables(length=2, query="wait=30"),
                                     b"{}")
        threads = [threading.Thread(target=one, args=(i,))
                   for i in range(len(answers))]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual([a.status for a in answers], [200] * 20)


if __name__ == "__main__":
    main()
