#!/usr/bin/env python3
"""The providers' own SDKs and eyelet understand each other.

What their senders and test helpers sign (and, where a package only verifies,
what is signed by the provider's recipe and then accepted by the package) is
accepted through a real web server; what eyelet-scheme signs is accepted by
their verifiers. Packages are installed from npm by the lock file in tests/sdk
into a temporary folder; none of their code is in this tree.
"""
import sys
sys.dont_write_bytecode = True

import http.client
import json
import os
import shutil
import subprocess
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from stand import *  # noqa: F401,F403

HERE = os.path.dirname(os.path.abspath(__file__))
BASE = "https://hooks.example.org/hooks/sdk"
FILES = ("package.json", "package-lock.json", "senders.mjs")
INSTALL_S = 150
LEAST = 12  # SDKs


def install(folder):
    """None, or why not."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            return f"no {tool}: apt-get install nodejs npm"
    for name in FILES:
        shutil.copy(f"{HERE}/{name}", folder)
    try:
        done = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund",
             "--omit=optional", "--omit=peer", "--loglevel=error",
             "--prefer-offline", "--fetch-retries=1",
             "--fetch-retry-mintimeout=1000"],
            cwd=folder, capture_output=True, text=True, timeout=INSTALL_S)
    except subprocess.TimeoutExpired:
        return f"npm did not finish within {INSTALL_S} s"
    if done.returncode == 0:
        return None
    words = (done.stderr.strip() or done.stdout.strip()).splitlines()
    # What is wrong with our lock file is no reason to skip.
    if any(code in done.stderr for code in ("EINTEGRITY", "EUSAGE", "E404")):
        sys.exit("npm ci: " + " ".join(words))
    return "npm cannot be reached: " + "; ".join(
        word.removeprefix("npm error ") for word in words[:4])


def senders(folder, *args, given=None):
    done = subprocess.run(
        ["node", "senders.mjs", *args], cwd=folder, text=True,
        capture_output=True, timeout=CALL_S,
        input=None if given is None else json.dumps(given))
    if done.returncode != 0:
        sys.exit(f"senders.mjs {' '.join(args)}: {done.stderr}")
    return json.loads(done.stdout)


class Interoperation:
    def __init__(self, stand, folder):
        self.stand, self.folder = stand, folder
        self.checks = self.bad = 0

    def check(self, name, what, good, *details):
        self.checks += 1
        if not good:
            self.bad += 1
            print(f"FAIL: {name}: {what}", *details)

    def add(self, i, request):
        """An endpoint of its own for each; a busy machine needs its time."""
        more = ["--public-url", request["url"]] if request["url"] else []
        if request["scheme"] == "paddle":
            more += ["--tolerance", "10m"]
        self.stand.tool("endpoint", "add", f"sdk{i}", "--scheme",
                        request["scheme"], "--secret-file", "-", *more,
                        stdin=request["secret"] + "\n")

    def post(self, i, request, body):
        to = http.client.HTTPConnection("127.0.0.1", self.stand.port,
                                        timeout=REPLY_S)
        query = "?" + request["query"] if request["query"] else ""
        to.request("POST", f"/hooks/sdk{i}{query}", body.encode(),
                   request["headers"])
        answer = to.getresponse()
        status, text = answer.status, answer.read().decode()
        to.close()
        return status, text

    def theirs(self, requests):
        """They sign, we verify."""
        for i, request in enumerate(requests):
            name = request["name"]
            self.check(name, "its own verifier takes what was signed",
                       request["ok"], request.get("why"))
            status, text = self.post(i, request, request["body"] + " ")
            self.check(name, "a blank more is refused",
                       400 <= status < 500, status, text)
            status, text = self.post(i, request, request["body"])
            self.check(name, "accepted", 200 <= status < 300, status, text)
        held = {row["endpoint"]: row["id"] for row in
                self.stand.rows("event", "list", "--limit", "0")}
        for i, request in enumerate(requests):
            self.check(request["name"], "the event has its id",
                       held.get(f"sdk{i}") == request["id"],
                       held.get(f"sdk{i}"))

    def signed_by_us(self, request):
        secret = f"{self.folder}/secret"
        with open(secret, "w") as f:
            f.write(request["secret"] + "\n")
        url = request["url"]
        if request["query"]:
            url += "?" + request["query"]
        # Paddle's verifier takes 5 s and no more, but any time ahead.
        command = [self.stand.tool_path("scheme"), "-c", self.stand.conf,
                   "sign", request["scheme"], "--secret-file", secret,
                   "--id", request["id"], "--type", "a.b",
                   "--now", str(int(time.time()) + 30)]
        done = subprocess.run(command + (["--url", url] if url else []),
                              input=request["body"].encode(),
                              capture_output=True, timeout=CALL_S)
        self.check(request["name"], "eyelet-scheme signs",
                   done.returncode == 0, done.stderr.decode())
        return dict(line.split(": ", 1)
                    for line in done.stdout.decode().splitlines())

    def ours(self, requests):
        """We sign, they verify; and they do look."""
        signed = [{**r, "headers": self.signed_by_us(r)} for r in requests
                  if not r["public"]]
        for answer in senders(self.folder, "verify", given=signed):
            self.check(answer["name"], "takes what eyelet-scheme signs",
                       answer["ok"], answer.get("why"))
        other = [{**r, "body": r["body"].replace("a", "e")} for r in signed]
        for answer in senders(self.folder, "verify", given=other):
            self.check(answer["name"], "refuses another body",
                       not answer["ok"])
        return len(signed)


def main():
    with open(f"{HERE}/package.json") as f:
        count = len(json.load(f)["dependencies"])
    if effort(True, False, False):
        skip(f"{count} SDKs were not tried: a short run installs nothing")
    folder = tempfile.mkdtemp(prefix="eyelet-sdk.")
    try:
        began = time.monotonic()
        why_not = install(folder)
        if why_not is not None:
            skip(f"{count} SDKs were not tried: {why_not}")
        installed = time.monotonic() - began
        with Stand() as stand:
            stand.start()
            run = Interoperation(stand, folder)
            requests = senders(folder, "sign", BASE)
            for i, request in enumerate(requests):
                run.add(i, request)
            run.theirs(requests)
            signed = run.ours(requests)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    run.check("all", f"at least {LEAST} SDKs", len(requests) >= LEAST)
    print(f"{len(requests)} SDKs sign for eyelet "
          f"({sum(r['own'] for r in requests)} with a sender or helper of "
          f"their own), {signed} verify what eyelet signs; installing took "
          f"{installed:.0f} s, all {time.monotonic() - began:.0f} s")
    if run.bad:
        sys.exit(f"{run.bad} of {run.checks} checks failed")
    print(f"{run.checks} checks passed")


if __name__ == "__main__":
    main()
