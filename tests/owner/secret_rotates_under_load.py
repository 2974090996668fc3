#!/usr/bin/env python3
"""Secrets are rotated and revoked while requests come in.

R3: none is accepted that began after the revoke of its secret returned, nor
has any a place in the log that is later than that revoke. R4: none that was
signed with a live secret is refused. Requests come over kept connections to a
real eyelet.fcgi, changes by the built eyelet-secret. Each is also run over a
program with a planted bug, which it must catch.

EYELET_EFFORT=long runs 100,000 requests against R3 and 1,000 rotations.
"""
import sys
sys.dont_write_bytecode = True

import collections
import contextlib
import hashlib
import hmac
import json
import os
import subprocess
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from fcgi_client import *  # noqa: F401,F403
from stand import ME, effort

SENDERS = 8
REQUESTS = effort(3000, 10000, 100000)  # R3: at least so many ...
REVOKES = effort(10, 30, 300)  # ... and so many
ROTATIONS = effort(30, 100, 1000)  # R4
ROUNDS_MAX = 400  # within which a planted bug must show
AFTERGLOW = 0.02  # seconds that senders go on with a revoked secret
PLANTED = os.path.join(TOP, "tests", "fault", "planted_")


class Sender(threading.Thread):
    """Signs with whatever secret is current and posts, again and again."""

    def __init__(self, load, number):
        super().__init__(daemon=True)
        self.load = load
        self.number = number
        self.answers = []  # (generation, began, status)

    def run(self):
        load = self.load
        with Connection(load.program.socket) as connection:
            while not load.over:
                with load.lock:
                    generation, secret = load.current
                    load.in_flight[generation] += 1
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
                with load.lock:
                    load.in_flight[generation] -= 1
                self.answers.append((generation, began,
                                     answer and answer.status))


class Load:
    """A store, a program, an endpoint, and senders that never rest."""

    def __init__(self, program):
        self.folder = Folder()
        self.folder.configure(
            f"[schemes]\npath = {os.path.join(SRC, 'conf', 'schemes')}",
            program=program)
        os.rmdir(self.folder.store)
        with open(self.folder.conf) as f:
            conf = f.read()
        os.mkdir(self.folder.file("keys"), 0o700)
        with open(self.folder.conf, "w") as f:
            f.write(conf.replace("store.key", "keys/store.key"))
        self.tool("store", "init", "--user", ME)
        self.lock = threading.Lock()
        self.over = False
        self.made = 0
        self.in_flight = collections.Counter()
        self.began = time.monotonic()
        self.program = Program(self.folder, program=program)
        secret = self.new_secret()
        self.tool("endpoint", "add", "shop", "--scheme", "nimbus",
                  "--secret-file", "-", stdin=secret)
        self.current = (0, secret)
        self.senders = [Sender(self, n) for n in range(SENDERS)]
        for sender in self.senders:
            sender.start()

    def close(self):
        self.over = True
        self.program.kill()
        self.folder.remove()

    def new_secret(self):
        self.made += 1
        return f"secret-{self.made:04}-0123456789-0123456789"

    def tool(self, noun, *args, stdin=""):
        done = subprocess.run(
            [os.path.join(TOP, "admin", "eyelet-" + noun), "-c",
             self.folder.conf, *args, "--json"], input=stdin,
            capture_output=True, text=True, timeout=PATIENCE)
        if done.returncode != 0:
            raise AssertionError(f"{noun} {args}: {done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def finish(self):
        """No more requests. How long it all took."""
        self.over = True
        for sender in self.senders:
            sender.join(PATIENCE)
            if sender.is_alive():
                raise AssertionError("a sender hangs")
        return time.monotonic() - self.began

    def answers(self):
        return [a for sender in self.senders for a in list(sender.answers)]

    def in_log(self):
        # Eyelet's own events tell of the many that were refused.
        return self.tool("event", "list", "--limit", "0", "--endpoint", "shop")

    def rotate(self):
        # The fourth rotation drops a secret: nobody must be using it.
        oldest = self.current[0] - 2
        wait_until(lambda: sum(
            n for g, n in list(self.in_flight.items()) if g <= oldest) == 0,
            "requests with an old secret")
        secret = self.new_secret()
        self.tool("secret", "rotate", "shop", "--drop-oldest",
                  "--secret-file", "-", stdin=secret)
        with self.lock:
            self.current = (self.current[0] + 1, secret)

    def revoke(self, live):
        """The id of the secret in its place, and when that returned."""
        secret = self.new_secret()
        row, = self.tool("secret", "revoke", "shop", live, "--replace",
                         "--secret-file", "-", stdin=secret)
        returned = time.monotonic()
        if row["state"] != "revoked":
            raise AssertionError(row)
        time.sleep(AFTERGLOW)
        with self.lock:
            self.current = (self.current[0] + 1, secret)
        time.sleep(AFTERGLOW)
        return row["replaced_by"], returned

    def revoked_at(self):
        return {row["detail"]["secret"]: row["at"]
                for row in self.tool("store", "audit", "--limit", "0")
                if row["verb"] == "secret.revoke"}

    def later_than_revoke(self):
        """Events whose place in the log is behind that of the revoke."""
        at = self.revoked_at()
        return [e for e in self.in_log()
                if e["received_at"] > at.get(e["secret"], "9")]


def say(words, load, took):
    n = len(load.answers())
    print(f"{words}, {n} requests in {took:.1f} s", file=sys.stderr)


class UnderLoad(unittest.TestCase):
    def load(self, program=EYELET):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        return stack.enter_context(contextlib.closing(Load(program)))

    def test_R4_rotations_refuse_nobody(self):
        load = self.load()
        for _ in range(ROTATIONS):
            load.rotate()
        took = load.finish()
        answers = load.answers()
        say(f"R4: {ROTATIONS} rotations", load, took)
        self.assertGreater(len(answers), 10 * ROTATIONS)
        self.assertEqual({status for _, _, status in answers}, {200})
        self.assertGreater(len({g for g, _, _ in answers}), ROTATIONS // 2)
        events = load.in_log()
        self.assertEqual(len(events), len(answers))
        self.assertGreater(len({e["secret"] for e in events}), ROTATIONS // 2)
        self.assertIsNone(load.program.process.poll(), "it was restarted")

    def test_R4_catches_who_does_not_look_again(self):
        """What moved under a request is a fault of ours there."""
        load = self.load(PLANTED + "look.fcgi")
        for n in range(ROUNDS_MAX):
            load.rotate()
            if {status for _, _, status in load.answers()} != {200}:
                break
        say(f"R4, planted: caught after {n + 1} rotations", load,
            load.finish())
        self.assertNotEqual({status for _, _, status in load.answers()},
                            {200})

    def test_R3_revoked_secrets_let_nobody_in(self):
        load = self.load()
        live, returned = "sec_1", {}
        while len(load.answers()) < REQUESTS or len(returned) < REVOKES:
            generation = load.current[0]
            live, returned[generation] = load.revoke(live)
        took = load.finish()
        answers = load.answers()
        late = [status for g, began, status in answers
                if began > returned.get(g, began)]
        say(f"R3: {len(returned)} revokes, {len(late)} requests began behind "
            "theirs", load, took)
        self.assertGreater(len(late), len(returned))
        self.assertEqual(set(late), {401})
        self.assertEqual({status for _, _, status in answers}, {200, 401})
        self.assertEqual(len(load.revoked_at()), len(returned))
        self.assertEqual(load.later_than_revoke(), [])
        events = load.in_log()
        self.assertGreater(len({e["secret"] for e in events}),
                           len(returned) // 2)
        accepted = [a for a in answers if a[2] == 200]
        self.assertEqual(len(events), len(accepted))

    def test_R3_catches_who_trusts_the_first_look(self):
        """What was verified before is accepted there, whatever came since."""
        load = self.load(PLANTED + "generation.fcgi")
        live = "sec_1"
        for n in range(ROUNDS_MAX):
            live, _ = load.revoke(live)
            if n % 10 == 9 and load.later_than_revoke() != []:
                break
        say(f"R3, planted: caught after {n + 1} revokes", load,
            load.finish())
        self.assertNotEqual(load.later_than_revoke(), [])


if __name__ == "__main__":
    main()
