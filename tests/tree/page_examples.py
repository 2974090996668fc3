#!/usr/bin/env python3
"""Every line under EXAMPLES of every manual page is run as it stands there,
page by page, each on a store of its own behind lighttpd."""
import getpass
import glob
import hashlib
import hmac
import json
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
import stand as stands  # noqa: E402

WAIT_S = 60
# tests/tree/troubleshooting.py runs every command of it.
OTHERS = ("eyelet-troubleshooting.7",)
SECRET = "first-secret-0123456789abcdef"
EVENT = {"id": "evt_1", "timestamp": "2026-01-15T10:30:00.000Z",
         "topic": "order.created", "context": {}}
# A request of Nimbus, as a page takes it for granted.
REQUEST = """POST /hooks/nimbus HTTP/1.1
X-Webhook-Signature: 0123
Content-Length: 58

{"id":"e1","type":"a.b","createdAt":"2026-01-15T10:30:00Z"}"""
# What is not run, and why; all else is.
ELSEWHERE = {"systemctl enable --now eyelet.socket eyelet.service":
             "a test stand has no systemd",
             "systemctl enable --now eyelet-deliver.service":
             "a test stand has no systemd"}


def blocks(path):
    """The literal blocks under EXAMPLES, as people read them."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    part = re.search(r"^\.Sh EXAMPLES\n(.*?)(?=^\.Sh |\Z)", text, re.S | re.M)
    if part is None:
        return []
    found = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", part[1], re.S | re.M)
    if not found or ".Dl" in part[1]:
        raise ValueError(f"{path}: EXAMPLES in a form that nobody runs")
    return [block.replace("\\e", "\\").replace("\\&", "") for block in found]


def commands(block):
    for line in block.replace("\\\n", "").splitlines():
        if line and not line.startswith("#"):
            yield re.sub(r"\s+", " ", line)


class Page:
    """One page's stand, and the few words that must differ there."""

    def __init__(self, path):
        self.name = os.path.basename(path)
        self.stand = stands.Stand()
        self.work = f"{self.stand.top}/work"
        os.mkdir(self.work)
        self.body = json.dumps(EVENT).encode()
        for name, text in (("secret", SECRET + "\n"),
                           ("secret.txt", SECRET + "\n"),
                           ("new-secret", "second-" + SECRET + "\n"),
                           ("login.txt", "basic user:password\n"),
                           ("body", self.body.decode()),
                           ("request.http", REQUEST)):
            with open(f"{self.work}/{name}", "w", encoding="utf-8") as f:
                f.write(text)
        self.env = dict(self.stand.env, EYELET_CONFIG=self.stand.conf,
                        PATH=f"{stands.BUILD}/admin:{stands.BUILD}/cgi:"
                             f"{self.stand.path()}")

    def prepare(self):
        """What a page takes for granted."""
        add = {"eyelet-event.8": ["shop nomos"],
               "eyelet-secret.8": ["shop nomos", "code github"],
               "eyelet-scheme.8": ["nomos nomos"]}
        for words in add.get(self.name, []):
            name, scheme = words.split()
            self.stand.tool("endpoint", "add", name, "--scheme", scheme,
                            "--secret-file", f"{self.work}/secret")
        if self.name == "eyelet-secret.8":
            self.stand.tool("destination", "add", "orders", "--url",
                            "https://orders.example.net/in")
        self.stand.start()
        if self.name == "eyelet-event.8":
            self.stand.tool("destination", "add", "crm", "--command",
                            "/bin/true")
            word = self.stand.status("evt_1", secret=SECRET)
            if word != "accepted":
                raise RuntimeError(f"the event is {word}")

    def substitute(self, command):
        """Another port, other folders, ids and sums that are made here."""
        port = self.stand.port
        mac = hmac.new(SECRET.encode(), self.body, hashlib.sha256)
        for pattern, here in (
                (r"http://127\.0\.0\.1/", f"http://127.0.0.1:{port}/"),
                (r"(curl .*)https://example\.com/",
                 rf"\1http://127.0.0.1:{port}/"),
                (r"/etc/eyelet/schemes/", f"{stands.SOURCE}/conf/schemes/"),
                (r"/run/eyelet/fcgi", f"{self.stand.top}/fcgi"),
                (r"^sudo -u eyelet ", ""),
                (r"sha256=4864d2\.\.\.", f"sha256={mac.hexdigest()}")):
            command = re.sub(pattern, here, command)
        if re.search(r"\bsec_4\b", command):
            command = command.replace("sec_4", self.current("code"))
        if command.startswith("eyelet-store init"):
            other = f"{self.stand.top}/other.conf"
            with open(other, "w", encoding="utf-8") as f:
                f.write(f"[store]\npath = {self.stand.top}/other/store\n"
                        f"key_file = {self.stand.top}/other/keys/key\n")
            command = command.replace("www-data", getpass.getuser()).replace(
                "eyelet-store", f"eyelet-store -c {other}")
        return command

    def current(self, endpoint):
        """The secret that is to be revoked; after that, the one that was."""
        if not hasattr(self, "leaked"):
            rows = list(self.stand.rows("secret", "show", endpoint))
            text = json.dumps(rows)
            self.leaked = re.findall(r'"secret": "(sec_\d+)"[^}]*"current"',
                                     text)[-1]
        return self.leaked

    def run(self, command):
        """None, or what is wrong."""
        stdin = SECRET + "\n" if command.endswith(" -") else ""
        done = subprocess.run(["sh", "-c", command], cwd=self.work,
                              env=self.env, capture_output=True, text=True,
                              timeout=WAIT_S, input=stdin, check=False)
        if done.returncode != 0:
            return f"status {done.returncode}: {done.stderr.strip()}"
        return None

    def run_on(self, command):
        """One that runs until it is told to stop."""
        with open(f"{self.stand.top}/said", "w+", encoding="utf-8") as said:
            process = subprocess.Popen(
                ["sh", "-c", "exec " + command], cwd=self.work, env=self.env,
                stdin=subprocess.DEVNULL, stdout=said, stderr=said)
            time.sleep(1)
            early = process.poll()
            process.send_signal(signal.SIGTERM)
            process.wait(WAIT_S)
            said.seek(0)
            return None if early is None else f"ended: {said.read()}"

    def read_conf(self, block):
        """A configuration: each of its lines is in force."""
        path = f"{self.stand.top}/example.conf"
        with open(path, "w", encoding="utf-8") as f:
            f.write(block)
        done = subprocess.run(["eyelet-store", "-c", path, "config"],
                              env=self.env, capture_output=True, text=True,
                              timeout=WAIT_S, check=False)
        if done.returncode != 0:
            return done.stderr
        wanted = len(re.findall(r"^\w+ *=", block, re.M))
        took = done.stdout.count(path)
        return None if took == wanted else f"{took} of {wanted} settings"

    def read_scheme(self, block):
        folder = f"{self.stand.top}/schemes"
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/example.json", "w", encoding="utf-8") as f:
            f.write(block)
        # As the page says: the one that Bolt gives away, or the plain one.
        with open(f"{self.work}/example-secret", "w", encoding="utf-8") as f:
            f.write("bolt_ZXhhbXBsZS1zZWNyZXQ=" if "bolt_" in block else
                    "example-secret")
        return self.run(f"eyelet-scheme lint {folder}/example.json")

    def read_request(self, block):
        """One that came by the scheme before it, and is right."""
        head, _, body = block.rstrip("\n").partition("\n\n")
        with open(f"{self.work}/example-body", "w", encoding="utf-8") as f:
            f.write(body)
        headers = " ".join(f"--header '{line}'"
                           for line in head.splitlines()[1:])
        return self.run(
            f"eyelet-scheme verify example --schemes {self.stand.top}/schemes "
            f"--secret-file example-secret {headers} --now 1767225600 "
            "--url https://h.example.com/hooks/bolt <example-body")

    def example(self, block):
        """(what was run, what is wrong) of each line."""
        if block.lstrip().startswith("["):
            yield "configuration", self.read_conf(block)
        elif block.lstrip().startswith("{"):
            yield "scheme", self.read_scheme(block)
        elif re.match(r"[A-Z]+ /.* HTTP/1\.1\n", block):
            yield "request", self.read_request(block)
        else:
            for command in commands(block):
                if command in ELSEWHERE:
                    continue
                here = self.substitute(command)
                on = "--follow" in command or "eyelet.fcgi --" in command
                yield command, self.run_on(here) if on else self.run(here)


def main():
    pages = sorted(path for folder in ("admin", "cgi", "conf") for path in
                   glob.glob(f"{stands.SOURCE}/{folder}/*.[1-8]")
                   if os.path.basename(path) not in OTHERS)
    ran = bad = 0
    for path in pages:
        found = blocks(path)
        if not found:
            print(f"FAIL: {path} has no EXAMPLES")
            bad += 1
            continue
        page = Page(path)
        with page.stand:
            page.prepare()
            for block in found:
                for what, wrong in page.example(block):
                    ran += 1
                    if wrong is not None:
                        print(f"FAIL: {page.name}: {what}: {wrong}")
                        bad += 1
    print(f"{ran} examples of {len(pages)} pages, {bad} bad")
    return bad > 0 or ran < 25


if __name__ == "__main__":
    sys.exit(main())
