#!/usr/bin/env python3
"""eyelet is the sender of the four documents, too.

For each preset of Nomos, Nomod, Nimbus OS and Nolxy a site publishes events:
they go out in the envelope that the provider's documents show, signed by the
provider's scheme, to an endpoint of the same preset, which is a receiver behind
a web server: it verifies and accepts each once. While the secret is rotated, a
receiver that has only the old one takes them, and where the scheme carries
several signatures, one that has only the new one, too.
"""
import sys
sys.dont_write_bytecode = True

import base64
import datetime
import json
import os
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from deliver_stand import DeliverStand
from stand import *  # noqa: F401,F403

DELIVERED_S = 60
LATE_S = 300  # a time that stands in a body is about now
ID, TYPE, TIME, DATA = (object() for _ in range(4))

# Preset, retry plan, a type of its document, the members of its envelope in
# their order, whether receivers know events by an id of the sender's, and
# whether the signature's header carries several.
PRESETS = (
    ("nomos", "nomos", "subscription.created",
     {"id": ID, "timestamp": TIME, "topic": TYPE, "context": DATA},
     True, True),
    ("nomod", "days3", "charge.paid", {"type": TYPE, "data": DATA},
     True, True),
    ("nimbus", "nimbus", "order.created",
     {"id": ID, "type": TYPE, "createdAt": TIME, "data": DATA},
     True, False),
    ("nolxy", "nolxy", "order.completed",
     {"event": TYPE, "data": DATA, "timestamp": TIME},
     False, False),
)
# No two events have the same data: some providers send no id with it.
DATA_TEXTS = ('{"n": %d.0, "name": "caf\u00e9 \\u2028 \\/"}', "[ %d ]",
              '"%d"')


class Presets:
    def __init__(self, stand):
        self.stand = stand
        self.checks = self.bad = self.events = 0

    def check(self, name, what, good, *details):
        self.checks += 1
        if not good:
            self.bad += 1
            print(f"FAIL: {name}: {what}", *details)

    def secret(self, name):
        path = f"{self.stand.top}/{name}"
        if not os.path.exists(path):
            with open(path, "w") as f:
                f.write("whsec_" + base64.b64encode(os.urandom(24)).decode()
                        + "\n")
        return path

    def add_receiver(self, preset, which):
        """An endpoint that knows one secret, and a destination that is it."""
        self.stand.tool("endpoint", "add", f"in-{preset}-{which}", "--scheme",
                        preset, "--secret-file",
                        self.secret(f"{preset}-{which}"))

    def add_destination(self, preset, plan, which):
        self.stand.tool(
            "destination", "add", f"to-{preset}-{which}", "--url",
            f"http://127.0.0.1:{self.stand.port}/hooks/in-{preset}-{which}",
            "--endpoints", f"out-{preset}", "--sign", preset, "--secret-file",
            self.secret(f"{preset}-old"), "--retry", plan, "--allow-http",
            "--allow-net", "127.0.0.0/8", "--from", "now")

    def rotate(self, preset, which):
        self.stand.tool("secret", "rotate", "--destination",
                        f"to-{preset}-{which}", "--secret-file",
                        self.secret(f"{preset}-new"), "--grace", "1h")

    def publish(self, preset, event_type):
        """What was published, as it stands in the sender's log: for each
        event its row, its body, and the data that was given."""
        given = {}
        for template in DATA_TEXTS:
            self.events += 1
            text = template % self.events
            with open(f"{self.stand.top}/data", "w", encoding="utf-8") as f:
                f.write(text)
            given[f"evt_{preset}_{self.events}"] = text
            self.stand.tool("event", "publish", "--endpoint", f"out-{preset}",
                            "--type", event_type, "--id",
                            f"evt_{preset}_{self.events}", "--data",
                            f"@{self.stand.top}/data")
        rows = {row["id"]: row for row in self.held(f"out-{preset}")}
        return [(rows[i], self.bytes_of(rows[i]), text)
                for i, text in given.items()]

    def held(self, endpoint):
        return list(self.stand.rows("event", "list", "--endpoint", endpoint,
                                    "--limit", "0"))

    def bytes_of(self, row):
        return self.stand.tool("event", "show", str(row["seq"]), "--raw")

    def envelope(self, preset, shape, event_type, row, body, text):
        """The members of the provider's document, and no others."""
        got = json.loads(body)
        self.check(preset, "the members of its envelope",
                   list(got) == list(shape), list(got))
        for name, what in shape.items():
            if what is TIME:
                at = datetime.datetime.fromisoformat(
                    got[name].replace("Z", "+00:00")).timestamp()
                self.check(preset, "about now",
                           abs(time.time() - at) < LATE_S, got[name])
            else:
                wanted = {ID: row["id"], TYPE: event_type,
                          DATA: json.loads(text)}[what]
                self.check(preset, f"/{name}", got.get(name) == wanted,
                           got.get(name))
        self.check(preset, "the data as it was given", text in body, body)

    def arrive(self, preset, which, sent, has_id, before):
        endpoint = f"in-{preset}-{which}"
        wait_for(f"{len(sent)} at {endpoint}", DELIVERED_S,
                 lambda: len(self.held(endpoint)) >= before + len(sent), 0.2)
        rows = self.held(endpoint)
        self.check(endpoint, "each once", len(rows) == before + len(sent),
                   len(rows))
        got = {self.bytes_of(row): row for row in rows}
        for row, body, _ in sent:
            there = got.get(body)
            self.check(endpoint, f"{row['id']} has come, with its bytes",
                       there is not None)
            if there is None:
                continue
            self.check(endpoint, "of its type",
                       there["type"] == row["type"], there["type"])
            self.check(endpoint, "as what it was",
                       there["status"] == row["status"], there["status"])
            self.check(endpoint, "under its id" if has_id else "under its own",
                       (there["id"] == row["id"]) == has_id, there["id"])

    def begin(self, preset, plan):
        self.stand.tool("endpoint", "add", f"out-{preset}", "--scheme", preset)
        self.add_receiver(preset, "old")
        self.add_destination(preset, plan, "old")

    def first(self, preset, event_type, shape, has_id):
        sent = self.publish(preset, event_type)
        for row, body, text in sent:
            self.envelope(preset, shape, event_type, row, body, text)
        self.arrive(preset, "old", sent, has_id, 0)

    def grace(self, preset, plan, event_type, has_id, several):
        if several:
            self.add_receiver(preset, "new")
            self.add_destination(preset, plan, "new")
            self.rotate(preset, "new")
        self.rotate(preset, "old")
        sent = self.publish(preset, event_type)
        self.arrive(preset, "old", sent, has_id, len(DATA_TEXTS))
        if several:
            self.arrive(preset, "new", sent, has_id, 0)

    def refused(self):
        """Nobody was sent what it had to refuse."""
        rows = list(self.stand.rows("event", "quarantine", "list"))
        self.check("all", "nothing was refused", not rows, rows[:1])


def main():
    with DeliverStand() as stand:
        run = Presets(stand)
        stand.deliver()
        for name, plan, event_type, shape, has_id, several in PRESETS:
            run.begin(name, plan)
            run.first(name, event_type, shape, has_id)
            run.grace(name, plan, event_type, has_id, several)
        run.refused()
        run.check("eyelet-deliver", "ends well", stand.end_deliver() == 0)
    if run.bad:
        sys.exit(f"{run.bad} of {run.checks} checks failed")
    print(f"{run.events} events of {len(PRESETS)} presets: {run.checks} "
          "checks passed")


if __name__ == "__main__":
    main()
