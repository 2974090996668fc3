#!/usr/bin/env python3
"""What eyelet-deliver sends is verified by receivers built with the official
packages, standardwebhooks and svix, from npm.

Events come in through a web server, signed by their provider, and go out
signed anew: every request verifies, with the body as it came. While a secret is
rotated, both signatures go out: a receiver that has only the old secret and one
that has only the new one both take everything, and once the old one is
expired, the first takes nothing more. Packages are installed by the lock file
in tests/sdk into a temporary folder, as tests/sdk/sdk_interoperate.py does.
"""
import sys
sys.dont_write_bytecode = True

import base64
import hashlib
import hmac
import json
import os
import shutil
import subprocess
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "sdk"))
from deliver_stand import DeliverStand
from sdk_interoperate import HERE, install
from stand import *  # noqa: F401,F403

# Package, and the scheme and headers that go with it.
RECEIVERS = (("standardwebhooks", "standard-webhooks", "webhook"),
             ("svix", "svix", "svix"))
STAGES = ("old", "new")  # the secret that a receiver has
EVENTS = 8  # a round
REFUSED = 4  # not so many that a destination is thought to be down
DELIVERED_S = 60


def whsec():
    return "whsec_" + base64.b64encode(os.urandom(32)).decode()


class Receivers:
    """receivers.mjs; what each path has seen."""

    def __init__(self, folder):
        self.secrets, self.journal = f"{folder}/secrets", f"{folder}/journal"
        self.paths = {}
        self.tell({})
        open(self.journal, "w").close()
        shutil.copy(f"{HERE}/receivers.mjs", folder)
        self.process = subprocess.Popen(
            ["node", "receivers.mjs", self.secrets, self.journal], cwd=folder,
            stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.strip().isdigit():
            sys.exit("receivers.mjs does not start")
        self.port = int(line)

    def tell(self, paths):
        """In one step: it reads the file at each request."""
        self.paths.update(paths)
        with open(self.secrets + ".new", "w") as f:
            json.dump(self.paths, f)
        os.rename(self.secrets + ".new", self.secrets)

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def seen(self, path):
        with open(self.journal) as f:
            rows = [json.loads(line) for line in f if line.endswith("\n")]
        return [row for row in rows if row["path"] == path]

    def close(self):
        self.process.kill()
        self.process.wait(10)
        self.process.stdout.close()


class Deliveries:
    def __init__(self, stand, receivers):
        self.stand, self.receivers = stand, receivers
        self.checks = self.bad = self.events = 0

    def check(self, name, what, good, *details):
        self.checks += 1
        if not good:
            self.bad += 1
            print(f"FAIL: {name}: {what}", *details)

    def add(self, name, scheme, sdk):
        """One destination for each receiver, all with one secret."""
        old = f"{self.stand.top}/{name}.old"
        row = None
        for stage in STAGES:
            args = ["destination", "add", f"{name}-{stage}", "--url",
                    self.receivers.url(f"/{name}/{stage}"), "--sign", scheme,
                    "--retry", "none", "--allow-http", "--allow-net",
                    "127.0.0.0/8"]
            if row is not None:
                args += ["--secret-file", old]
            done = list(self.stand.rows(*args))
            if row is None:  # that was generated
                row = done[0]
                with open(old, "w") as f:
                    f.write(row["value"] + "\n")
        self.give(name, sdk, row["value"], STAGES)

    def give(self, name, sdk, secret, stages):
        self.receivers.tell({
            f"/{name}/{stage}": {"sdk": sdk, "secret": secret,
                                 "foreign": whsec()}
            for stage in stages})

    def rotate(self, name, sdk):
        """To one new secret; "new" forgets the old one."""
        new = f"{self.stand.top}/{name}.new"
        with open(new, "w") as f:
            f.write(whsec() + "\n")
        for stage in STAGES:
            self.stand.tool("secret", "rotate", "--destination",
                            f"{name}-{stage}", "--secret-file", new, "--grace",
                            "1h")
        with open(new) as f:
            self.give(name, sdk, f.read().strip(), ["new"])

    def expire(self, name):
        for stage in STAGES:
            rows = self.stand.rows("secret", "show", "--destination",
                                   f"{name}-{stage}")
            old = [row["secret"] for row in rows
                   if row["state"] == "previous"]
            self.check(name, "there is one old secret", len(old) == 1, old)
            self.stand.tool("secret", "expire", "--destination",
                            f"{name}-{stage}", *old)

    def post(self, body):
        """One event, by the rules of Nomos, through the web server."""
        stamp = str(int(time.time()))
        mac = hmac.new(SECRET.encode(), stamp.encode() + b"." + body,
                       hashlib.sha256).hexdigest()
        status, _, text = self.stand.http(
            "POST /hooks/shop HTTP/1.1\r\nHost: stand\r\n"
            f"X-Nomos-Signature: t={stamp},v1={mac}\r\n"
            "Content-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n", body)
        self.check("shop", "accepted", status == 200, status, text)

    def bodies(self, count):
        """Such as no second writing of them would give again."""
        for n in range(count):
            self.events += 1
            yield (f'{{"id" : "evt_{self.events}","topic":"order.paid",\n'
                   f'  "n":1.0{"0" * n},"name":"caf\u00e9\\u00e9\\/",'
                   f'"pad":"{"x" * (n * 977)}"}}\n').encode()

    def round(self, when, count, takes):
        """Posts, and judges what came to each path: does it verify?"""
        paths = [f"/{name}/{stage}" for name, _, _ in RECEIVERS
                 for stage in STAGES]
        before = {path: len(self.receivers.seen(path)) for path in paths}
        bodies = list(self.bodies(count))
        first = self.events - count + 1
        for body in bodies:
            self.post(body)
        for path in paths:
            wait_for(f"{when}: {count} at {path}", DELIVERED_S,
                     lambda: len(self.receivers.seen(path)) >=
                     before[path] + count)
        for name, _, prefix in RECEIVERS:
            for stage in STAGES:
                path = f"/{name}/{stage}"
                self.judge(f"{when}: {path}", prefix,
                           self.receivers.seen(path)[before[path]:], bodies,
                           first, takes[stage])

    def judge(self, what, prefix, rows, bodies, first, takes):
        self.check(what, "each once", len(rows) == len(bodies), len(rows))
        got = {row["headers"].get(f"{prefix}-id"): row for row in rows}
        for n, body in enumerate(bodies, first):
            row = got.get(f"evt_{n}")
            self.check(what, f"evt_{n} has come", row is not None, list(got))
            if row is None:
                continue
            self.check(what, "verifies" if takes else "is refused",
                       row["ok"] == takes, row.get("why"))
            self.check(what, "is refused by another secret",
                       not row["foreign"])
            self.check(what, "the bytes are as they came",
                       base64.b64decode(row["body_b64"]) == body)
            self.check(what, "Content-Type is as it came",
                       row["headers"].get("content-type") ==
                       "application/json", row["headers"])

    def signatures(self, name, prefix):
        """Of the last request."""
        rows = self.receivers.seen(f"/{name}/new")
        return len(rows[-1]["headers"][f"{prefix}-signature"].split(" "))


def main():
    if effort(True, False, False):
        skip("the SDKs were not tried: a short run installs nothing")
    folder = tempfile.mkdtemp(prefix="eyelet-sdk.")
    receivers = None
    try:
        why_not = install(folder)
        if why_not is not None:
            skip(f"the SDKs were not tried: {why_not}")
        receivers = Receivers(folder)
        with DeliverStand() as stand:
            run = Deliveries(stand, receivers)
            for sdk, scheme, _ in RECEIVERS:
                run.add(sdk, scheme, sdk)
            stand.deliver()
            run.round("one secret", EVENTS, {"old": True, "new": True})
            for sdk, _, prefix in RECEIVERS:
                run.check(sdk, "one signature",
                          run.signatures(sdk, prefix) == 1)
                run.rotate(sdk, sdk)
            run.round("in the grace window", EVENTS,
                      {"old": True, "new": True})
            for sdk, _, prefix in RECEIVERS:
                run.check(sdk, "two signatures",
                          run.signatures(sdk, prefix) == 2)
                run.expire(sdk)
            run.round("the old secret is expired", REFUSED,
                      {"old": False, "new": True})
            run.check("eyelet-deliver", "ends well",
                      stand.end_deliver() == 0)
    finally:
        if receivers is not None:
            receivers.close()
        shutil.rmtree(folder, ignore_errors=True)
    if run.bad:
        sys.exit(f"{run.bad} of {run.checks} checks failed")
    print(f"{run.events} events to {len(RECEIVERS)} SDKs: "
          f"{run.checks} checks passed")


if __name__ == "__main__":
    main()
