#!/usr/bin/env python3
"""R6: the store's owner is killed while a secret is changed.

Whenever that is, the change was made once or, where the program says that it
failed, not or once: never twice, never by half. There is one current secret,
at most three live ones, and the value that was printed is the one that is kept.
"""
import sys
sys.dont_write_bytecode = True

import json
import os
import random
import signal
import subprocess
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from fcgi_client import *  # noqa: F401,F403
from stand import ME, effort

HITS = effort(6, 20, 300)  # changes that were under way when it was killed
ROUNDS_MAX = 20 * HITS
SEED = int(os.environ.get("EYELET_SEED", random.randrange(1 << 30)))
LIVE = ("staged", "current", "previous")

# Each verb, and how many secrets more there are then. In an order in which
# each has something to do, round and round.
VERBS = (
    (("rotate", "code", "--grace", "1h", "--drop-oldest"), 1),
    (("extend", "code", "PREVIOUS", "--grace", "2h"), 0),
    (("stage", "code", "--drop-oldest"), 1),
    (("activate", "code", "STAGED", "--grace", "1h"), 0),
    (("expire", "code", "PREVIOUS"), 0),
    (("revoke", "code", "CURRENT", "--replace"), 1),
)


class Killed(unittest.TestCase):
    def setUp(self):
        self.folder = Folder()
        self.addCleanup(self.folder.remove)
        self.addCleanup(self.kill)
        self.folder.configure(
            f"[schemes]\npath = {os.path.join(SRC, 'conf', 'schemes')}",
            program=EYELET)
        os.rmdir(self.folder.store)
        with open(self.folder.conf) as f:
            conf = f.read()
        os.mkdir(self.folder.file("keys"), 0o700)
        with open(self.folder.conf, "w") as f:
            f.write(conf.replace("store.key", "keys/store.key"))
        self.tool("store", "init", "--user", ME)
        self.tool("endpoint", "add", "code", "--scheme", "github")

    def begin(self, noun, *args):
        return subprocess.Popen(
            [os.path.join(TOP, "admin", "eyelet-" + noun), "-c",
             self.folder.conf, *args, "--json"], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def end(self, process):
        out, err = process.communicate(timeout=PATIENCE * 6)
        return process.returncode, out, err

    def tool(self, noun, *args):
        status, out, err = self.end(self.begin(noun, *args))
        self.assertEqual(status, 0, err)
        return [json.loads(line) for line in out.splitlines()]

    def kill(self):
        """Kills the owner; False when there is none."""
        try:
            with open(os.path.join(self.folder.store, "lock")) as f:
                words = dict(line.split("=", 1) for line in f.read().split()
                             if "=" in line)
            pid = int(words["pid"])
            with open(f"/proc/{pid}/cmdline") as f:
                ours = self.folder.conf in f.read()
            if ours:
                os.kill(pid, signal.SIGKILL)
            return ours
        except (OSError, KeyError, ValueError):
            return False

    def states(self):
        rows = self.tool("secret", "show", "code")
        return rows, {row["secret"]: row["state"] for row in rows}

    def named(self, args, states):
        """With the id of a secret in the state that stands for it."""
        live = {state: name for name, state in states.items()}
        return [live[a.lower()] if a.isupper() else a for a in args]

    def test_R6_each_change_is_made_once(self):
        chance = random.Random(SEED)
        rows, states = self.states()
        hits = n = 0
        while hits < HITS and n < ROUNDS_MAX:
            verb, more = VERBS[n % len(VERBS)]
            when = f"seed {SEED}, round {n}, {verb[0]}"
            n += 1
            began = time.monotonic()
            self.states()  # by an owner that lives; as long as a change takes
            takes = time.monotonic() - began
            process = self.begin("secret", *self.named(verb, states))
            time.sleep(chance.random() * takes)
            if self.kill() and process.poll() is None:
                hits += 1
            status, out, err = self.end(process)
            before, (rows, states) = rows, self.states()
            self.assertEqual(status, 0, f"{when}: {err}")
            answer = json.loads(out)
            self.assertEqual(rows[0]["generation"],
                             before[0]["generation"] + 1, when)
            self.assertEqual(answer["generation"], rows[0]["generation"],
                             when)
            self.assertEqual(len(rows), len(before) + more, when)
            self.assertEqual(list(states.values()).count("current"), 1, when)
            self.assertLessEqual(
                sum(state in LIVE for state in states.values()), 3, when)
            self.assertEqual(states[answer["secret"]], answer["state"], when)
            if "value" in answer:
                kept = self.tool(
                    "secret", "reveal", "code",
                    answer.get("replaced_by", answer["secret"]))
                self.assertEqual(kept[0]["value"], answer["value"], when)
        print(f"R6: seed {SEED}: {n} changes, {hits} killed under way",
              file=sys.stderr)
        self.assertEqual(hits, HITS, "too few were killed: no proof")


if __name__ == "__main__":
    main()
