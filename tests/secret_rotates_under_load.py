#!/usr/bin/env python3
"""Secrets are rotated and revoked while requests come in.

None that was signed with a live secret is refused (R4); none is accepted that
began after the revoke of its secret returned, nor has any a place in the log
that is later than that revoke (R3). Requests come over kept connections to a
real eyelet.fcgi, changes by the built eyelet-secret.
"""
import sys
sys.dont_write_bytecode = True

import hashlib
import hmac
import json
import os
import subprocess
import threading
import time
import unittest

from fcgi_client import *  # noqa: F401,F403

SENDERS = 4
ROTATIONS = 30
REVOKES = 10
EACH = 10  # answers to requests under each secret, at least


class Sender(threading.Thread):
    """Signs with whatever secret is current and posts, again and again."""

    def __init__(self, test, number):
        super().__init__(daemon=True)
        self.test = test
        self.number = number
        self.answers = []  # (generation, began, status)

    def run(self):
        test = self.test
        with Connection(test.program.socket) as connection:
            while not test.over:
                with test.lock:
                    generation, secret = test.current
                    test.in_flight[generation] = \
                        test.in_flight.get(generation, 0) + 1
                began = time.monotonic()
                body = json.dumps({
                    "id": f"evt_{self.number}_{len(self.answers)}",
                    "type": "a.b",
                    "createdAt": time.strftime("%Y-%m-%dT%H:%M:%SZ",
                                               time.gmtime())}).encode()
                signature = hmac.new(
                    secret.encode(), body, hashlib.sha256).hexdigest()
                connection.send(request(
                    variables("/hooks/shop", length=len(body), HTTPS="on",
                              HTTP_X_WEBHOOK_SIGNATURE=signature),
                    body, keep=True))
                answer = connection.answer()
                with test.lock:
                    test.in_flight[generation] -= 1
                self.answers.append((generation, began,
                                     answer and answer.status))


class UnderLoad(unittest.TestCase):
    def setUp(self):
        self.folder = Folder()
        self.addCleanup(self.folder.remove)
        self.folder.configure(
            f"[schemes]\npath = {os.path.join(SRC, 'conf', 'schemes')}",
            program=EYELET)
        os.rmdir(self.folder.store)
        with open(self.folder.conf) as f:
            conf = f.read()
        os.mkdir(self.folder.file("keys"), 0o700)
        with open(self.folder.conf, "w") as f:
            f.write(conf.replace("store.key", "keys/store.key"))
        self.tool("store", "init")
        self.lock = threading.Lock()
        self.over = False
        self.made = 0
        self.in_flight = {}
        self.program = Program(self.folder, program=EYELET)
        self.addCleanup(self.program.kill)
        secret = self.new_secret()
        self.tool("endpoint", "add", "shop", "--scheme", "nimbus",
                  "--secret-file", "-", stdin=secret)
        self.current = (0, secret)
        self.senders = [Sender(self, n) for n in range(SENDERS)]
        for sender in self.senders:
            sender.start()
        self.addCleanup(self.finish)

    def new_secret(self):
        self.made += 1
        return f"secret-{self.made:04}-0123456789-0123456789"

    def tool(self, noun, *args, stdin=""):
        done = subprocess.run(
            [os.path.join(TOP, "admin", "eyelet-" + noun), "-c",
             self.folder.conf, *args, "--json"], input=stdin,
            capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def finish(self):
        self.over = True
        for sender in self.senders:
            sender.join(PATIENCE)
            self.assertFalse(sender.is_alive(), "a sender hangs")

    def answers(self):
        return [a for sender in self.senders for a in sender.answers]

    def rotate(self, *how):
        secret = self.new_secret()
        row, = self.tool("secret", *how, "--secret-file", "-", stdin=secret)
        with self.lock:
            self.current = (self.current[0] + 1, secret)
        return row

    def wait_for_answers(self, since):
        wait_until(lambda: sum(
            began > since for sender in self.senders
            for _, began, _ in sender.answers[-EACH:]) >= EACH,
            "answers to requests that began after this")

    def in_log(self):
        return self.tool("event", "list", "--limit", "0")

    def test_rotations_refuse_nobody(self):
        for _ in range(ROTATIONS):
            # The fourth rotation drops a secret: nobody must be using it.
            oldest = self.current[0] - 2
            wait_until(lambda: sum(
                n for g, n in self.in_flight.items() if g <= oldest) == 0,
                "requests with an old secret")
            self.rotate("rotate", "shop", "--drop-oldest")
            self.wait_for_answers(time.monotonic())
        self.finish()
        answers = self.answers()
        self.assertEqual({status for _, _, status in answers}, {200})
        self.assertEqual({g for g, _, _ in answers}, set(range(ROTATIONS + 1)))
        events = self.in_log()
        self.assertEqual(len(events), len(answers))
        self.assertGreaterEqual(len({e["secret"] for e in events}), ROTATIONS)

    def test_revoked_secrets_let_nobody_in(self):
        returned = {}
        for _ in range(REVOKES):
            live, = [s for s in self.tool("secret", "show", "shop")
                     if s["state"] == "current"]
            secret = self.new_secret()
            row, = self.tool("secret", "revoke", "shop", live["secret"],
                             "--replace", "--secret-file", "-", stdin=secret)
            returned[self.current[0]] = time.monotonic()
            self.assertEqual(row["state"], "revoked")
            # With the revoked secret still; then with the new one.
            self.wait_for_answers(returned[self.current[0]])
            with self.lock:
                self.current = (self.current[0] + 1, secret)
            self.wait_for_answers(time.monotonic())
        self.finish()
        late = [(g, status) for g, began, status in self.answers()
                if began > returned.get(g, began)]
        self.assertGreaterEqual(len(late), EACH * REVOKES)
        self.assertEqual({status for _, status in late}, {401})
        self.assertEqual({status for _, _, status in self.answers()},
                         {200, 401})
        at = {row["detail"]["secret"]: row["at"]
              for row in self.tool("store", "audit", "--limit", "0")
              if row["verb"] == "secret.revoke"}
        self.assertEqual(len(at), REVOKES)
        events = self.in_log()
        for event in events:
            self.assertLessEqual(event["received_at"],
                                 at.get(event["secret"], "9"))
        self.assertGreater(len({e["secret"] for e in events}), REVOKES // 2)
        accepted = [a for a in self.answers() if a[2] == 200]
        self.assertEqual(len(events), len(accepted))


if __name__ == "__main__":
    main()
