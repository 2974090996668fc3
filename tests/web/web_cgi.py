#!/usr/bin/env python3
"""Plain CGI under lighttpd and Apache, by the files of conf/: eyelet.fcgi finds
out by itself what it is, starts an owner of the store where there is none, and
is gone when it has answered, whatever happens."""
import sys
sys.dont_write_bytecode = True

import concurrent.futures
import os
import signal
import subprocess
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from stand import CALL_S, wait_for
from web_rows import event, nomos, post
from web_stand import GONE, WebStand, read_answer

AT_ONCE = 12
TOGETHER = 6
UPLOAD_S = 2
WITHIN_S = 60  # on a machine with much else to do


def by_role(pids, owner):
    return [pid for pid in pids if (b"--store" in cmdline(pid)) == owner]


def cmdline(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read().split(b"\0")
    except OSError:
        return []


class Cgi:
    """The tests, for either server."""

    def setUp(self):
        self.stand = WebStand(self.front, {
            "receive.upload_timeout": f"{UPLOAD_S}s"})
        self.addCleanup(self.stand.close)
        self.stand.start()
        self.stand.add_endpoint()

    def owners(self):
        return by_role(self.stand.processes(), True)

    def none_but_the_owner(self):
        wait_for("CGI processes to end", WITHIN_S,
                 lambda: not by_role(self.stand.processes(), False))

    def many(self, prefix):
        """So many requests at once; what each was answered."""
        said = [None] * AT_ONCE

        def send(i):
            said[i] = post(f"evt_{prefix}_{i}")(self.stand)

        threads = [threading.Thread(target=send, args=(i,))
                   for i in range(AT_ONCE)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(WITHIN_S)
        return said

    def test_nobody_has_the_store(self):
        self.stand.kill(self.owners())
        wait_for("its end", WITHIN_S, lambda: not self.owners())
        self.assertEqual(self.many("first"), ["200 accepted"] * AT_ONCE)
        self.none_but_the_owner()
        self.assertEqual(len(self.owners()), 1)
        # It belongs to no web server, so none takes it along.
        pid = self.owners()[0]
        self.assertEqual(os.getsid(pid), pid)
        self.stand.stop()
        self.assertEqual(self.owners(), [pid])

    def test_owner_is_killed_again_and_again(self):
        for turn in range(3):
            before = self.owners()
            self.stand.kill(before)
            self.assertEqual(post(f"evt_killed_{turn}")(self.stand),
                             "200 accepted")
            self.assertFalse(set(before) & set(self.owners()))
        self.assertEqual(post("evt_killed_0")(self.stand), "200 duplicate")

    def test_owner_hangs(self):
        owner = self.owners()
        self.stand.kill(owner, signal.SIGSTOP)
        began = time.monotonic()
        status, headers, _ = self.stand.post("evt_hangs")
        took = time.monotonic() - began
        self.assertEqual(status, 503)
        self.assertIn("retry-after", headers)
        # The web server would have said 504 after 15 s.
        self.assertLess(took, 14)
        self.none_but_the_owner()
        self.stand.kill(owner, signal.SIGCONT)
        wait_for("service", WITHIN_S,
                 lambda: post("evt_hangs")(self.stand) in
                 ("200 accepted", "200 duplicate"), 0.2)

    def test_sender_dawdles(self):
        """Whoever waits for the body, it has an end."""
        body = event("evt_slow", "order.paid")
        with self.stand.connect() as s:
            s.sendall(f"POST /hooks/shop HTTP/1.1\r\nHost: stand\r\n"
                      f"X-Nomos-Signature: {nomos(body)}\r\n"
                      f"Content-Length: {len(body)}\r\n\r\n".encode() +
                      body[:9])
            s.settimeout(WITHIN_S)
            # Their patience ends after 10 s without a byte; they need not
            # say so.
            self.assertIn(read_answer(s), (GONE, "408 -"))
        self.none_but_the_owner()
        self.assertEqual(post("evt_slow")(self.stand), "200 accepted")

    def test_each_request_is_in_the_log(self):
        for i in range(AT_ONCE):
            self.assertEqual(post(f"evt_log_{i}")(self.stand),
                             "200 accepted")

        def logged():
            with open(self.stand.log) as f, \
                    open(f"{self.stand.top}/web.log") as g:
                text = f.read() + g.read()
            return all(f"id=evt_log_{i} " in text for i in range(AT_ONCE))

        wait_for("a line for each", WITHIN_S, logged)

    def test_configuration_is_wrong(self):
        with open(self.stand.conf, "a") as f:
            f.write("[receive]\nmonut = /hooks\n")
        self.assertEqual(self.stand.post("evt_conf")[0], 503)
        wait_for("the reason in a log", WITHIN_S,
                 lambda: "monut" in self.stand.tail())

    def test_program_never_answers(self):
        os.unlink(self.stand.program)
        with open(self.stand.program, "w") as f:
            f.write("#!/bin/sh\nexec sleep 300\n")
        os.chmod(self.stand.program, 0o755)
        with self.stand.connect() as s:
            s.sendall(b"GET /hooks/healthz HTTP/1.1\r\nHost: stand\r\n\r\n")
            s.settimeout(CALL_S)
            self.assertEqual(read_answer(s), "504 -")


class UnderLighttpd(Cgi, unittest.TestCase):
    front = "lighttpd-cgi"


class UnderApache(Cgi, unittest.TestCase):
    front = "apache-cgi"


def run_apart(name):
    return subprocess.run([sys.executable, __file__, name],
                          capture_output=True, text=True, timeout=CALL_S * 5)


def main():
    """Most of them wait, so they wait together."""
    suite = unittest.defaultTestLoader.loadTestsFromModule(
        sys.modules["__main__"])
    names = [".".join(test.id().split(".")[1:]) for case in suite
             for test in case]
    with concurrent.futures.ThreadPoolExecutor(TOGETHER) as pool:
        done = list(pool.map(run_apart, names))
    for name, result in zip(names, done):
        print(name, "ok" if result.returncode == 0 else
              f"FAIL\n{result.stdout}{result.stderr}")
    return 1 if any(result.returncode for result in done) else 0


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        unittest.main(verbosity=2)
    else:
        sys.exit(main())
