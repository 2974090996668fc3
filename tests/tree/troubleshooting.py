#!/usr/bin/env python3
"""eyelet-troubleshooting(7): each symptom is brought about, each command of its
section is run and prints the lines that the page shows, and what the section
names as the cure cures."""
import contextlib
import hashlib
import hmac
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
import stand as stands  # noqa: E402
import transcript  # noqa: E402
from stand import SECRET, wait_for  # noqa: E402

PAGE = "eyelet-troubleshooting.7"
WAIT_S = 60
SOON_S = 10  # a look that has to wait for the log, or for the next look
NOBODY = 65534
OTHER = "provider-secret-0123456789abcdef"
LARGE = 1200000
# They end with something else than 0 where something is wrong.
LOOKS = re.compile(r"^(eyelet-store (status|check|clock|config)|tail|curl|"
                   r"eyelet-endpoint match)\b")
# These change something: they are run once.
ACTS = re.compile(r"\b(stage|rotate|edit|enable|admit|release|retry|replay|"
                  r"resume|reload|adopt|accept-loss|--accept|test|start|"
                  r"--once|chown|rm|mv)\b")


class Desk:
    """The stand, and what an administrator and a provider do there."""

    def __init__(self):
        self.st = stands.Stand(clock=True, size="48m" if os.geteuid() == 0
                               else None,
                               settings={"deliver.missing_after": "1s"})
        self.work = f"{self.st.top}/work"
        os.mkdir(self.work)
        self.secret_file(SECRET)
        self.deliverer = None
        self.printed = ""
        self.env = dict(self.st.env, EYELET_CONFIG=self.st.conf,
                        PATH=f"{stands.BUILD}/admin:{stands.BUILD}/cgi:"
                             f"{self.st.path()}")

    def secret_file(self, value):
        with open(f"{self.work}/secret.txt", "w", encoding="utf-8") as f:
            f.write(value + "\n")

    def close(self):
        self.end_deliverer()
        self.st.close()

    # --- the provider -----------------------------------------------------

    def send(self, body, secret=SECRET, endpoint="shop", headers=""):
        """Status and word of the answer."""
        stamp = str(int(self.st.clock.wall_s()))
        mac = hmac.new(secret.encode(), stamp.encode() + b"." + body,
                       hashlib.sha256).hexdigest()
        return self.answer(self.st.http(
            f"POST /hooks/{endpoint} HTTP/1.1\r\nHost: stand\r\n"
            f"X-Nomos-Signature: t={stamp},v1={mac}\r\n{headers}"
            "Content-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n", body))

    def order(self, event_id, topic="order.paid", **how):
        return self.send(json.dumps({"id": event_id, "topic": topic}).encode(),
                         **how)

    def push(self, delivery):
        """GitHub signs the body alone."""
        body = b'{"ref":"refs/heads/main"}'
        mac = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        return self.answer(self.st.http(
            "POST /hooks/code HTTP/1.1\r\nHost: stand\r\n"
            f"X-GitHub-Event: push\r\nX-GitHub-Delivery: {delivery}\r\n"
            f"X-Hub-Signature-256: sha256={mac}\r\n"
            "Content-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n", body))

    @staticmethod
    def answer(reply):
        status, _, body = reply
        try:
            return status, json.loads(body).get("status")
        except ValueError:
            return status, None

    # --- the administrator ------------------------------------------------

    def tool(self, *words):
        return self.st.tool(*words)

    def anew(self):
        """The endpoint, with its first secret."""
        self.tool("endpoint", "remove", "shop", "--yes")
        self.secret_file(SECRET)
        self.st.add_endpoint()

    def seq(self, *filters):
        """Of the newest event."""
        return str(max(row["seq"] for row in self.st.rows(
            "event", "list", "--limit", "0", *filters) if "seq" in row))

    def refusal(self):
        return str(max(row["no"] for row in self.st.rows(
            "event", "quarantine", "list")))

    def state(self, seq, destination="crm"):
        for row in self.st.rows("event", "list", "--destination", destination):
            if row.get("seq") == int(seq):
                return row["state"]
        return None

    def deliver(self):
        self.st.run("deliver", "--once")

    def delivers(self):
        """The newest row, as soon as it is due."""
        def taken():
            self.deliver()
            return self.state(self.seq("--endpoint", "shop")) == "delivered"
        wait_for("it is delivered", WAIT_S, taken, 0.3)

    def start_deliverer(self):
        with open(f"{self.st.top}/deliver.log", "a", encoding="utf-8") as log:
            self.deliverer = subprocess.Popen(["eyelet-deliver"], env=self.env,
                                              stderr=log)

    def end_deliverer(self):
        if self.deliverer is not None:
            self.deliverer.send_signal(signal.SIGTERM)
            self.deliverer.wait(WAIT_S)
        self.deliverer = None

    def start(self):
        """Of a web server whose eyelet answers 503."""
        limit, stands.START_S = stands.START_S, 2
        try:
            with contextlib.suppress(TimeoutError):
                self.st.start()
        finally:
            stands.START_S = limit

    # --- the page's commands ----------------------------------------------

    def here(self, command, numbers):
        for there, place in (("http://127.0.0.1/",
                              f"http://127.0.0.1:{self.st.port}/"), *self.places()):
            command = command.replace(there, place)
        for number, place in numbers.items():
            command = re.sub(rf"\b{number}\b", place, command)
        return command

    def places(self):
        return (("/etc/eyelet/eyelet.conf", self.st.conf),
                ("/var/log/lighttpd/eyelet.log", self.st.log),
                ("/var/lib/eyelet", self.st.home))

    def there(self, printed):
        for there, place in self.places():
            printed = printed.replace(place, there)
        return printed

    def once(self, prompt, command):
        if command == "systemctl start eyelet-deliver":
            self.start_deliverer()
            return None
        if command == "systemctl restart lighttpd":
            self.st.stop()
            self.st.start()
            return None
        words = ["sh", "-c", command]
        if prompt == "$":
            words = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}",
                     "--clear-groups", *words]
        done = subprocess.run(words, cwd=self.work, env=self.env, text=True,
                              capture_output=True, timeout=WAIT_S, check=False,
                              stdin=subprocess.DEVNULL)
        self.printed = self.there(done.stdout + done.stderr)
        if done.returncode != 0 and prompt == "#" and \
                not LOOKS.match(command):
            return f"status {done.returncode}: {self.printed}"
        return None

    def run(self, prompt, command, lines, numbers):
        """None, or what is wrong."""
        here = self.here(command, numbers)
        end = time.monotonic() + (0 if ACTS.search(command) else SOON_S)
        while True:
            wrong = self.once(prompt, here)
            if wrong is None:
                gone = transcript.missing(lines, self.printed)
                wrong = None if gone is None else \
                    f"does not print {gone!r}, but:\n{self.printed}"
            if wrong is None or time.monotonic() > end:
                return wrong
            time.sleep(0.2)


def want(right, words):
    if not right:
        raise AssertionError(words)


# --- the symptoms -------------------------------------------------------------
# One generator for each section: it brings the symptom about, yields before
# each block of the page (the numbers of the page that are others here), and
# checks that the symptom is gone.

def not_json(desk):
    want(desk.send(b'{"id":"e400","topic":"order.paid"')[0] == 400, "400")
    yield {"7": desk.refusal()}
    yield {"7": desk.refusal()}
    want('"topic":"order.paid"' in desk.tool("event", "show", desk.seq(),
                                             "--raw"), "admitted")


def wrong_secret(desk):
    want(desk.order("e401", secret=OTHER)[0] == 401, "401")
    desk.secret_file(OTHER)
    yield {"8": desk.refusal()}
    yield {}
    want(desk.order("e401", secret=OTHER) == (200, "accepted"), "accepted")
    desk.anew()


def old_secret(desk):
    desk.secret_file(OTHER + "2")
    desk.tool("secret", "rotate", "shop", "--secret-file",
              f"{desk.work}/secret.txt", "--grace", "0")
    want(desk.order("e402")[0] == 401, "401")
    yield {"9": desk.refusal()}
    yield {}
    shown = re.search(r"\S*provider-secret\S*", desk.printed)[0]
    want(desk.order("e402", secret=shown) == (200, "accepted"), "accepted")
    # The next rotation with a grace refuses nothing.
    desk.secret_file(SECRET + "3")
    yield {}
    want(desk.order("e403", secret=shown) == (200, "accepted"), "old one")
    want(desk.order("e404", secret=SECRET + "3") == (200, "accepted"), "new")
    desk.anew()


def proxy(desk):
    desk.tool("endpoint", "edit", "shop", "--allow-from", "192.0.2.7")
    headers = ("X-Forwarded-For: 192.0.2.7\r\n"
               "X-Forwarded-Proto: https\r\n")
    want(desk.order("p1", headers=headers)[0] == 403, "403")
    yield {}
    yield {}
    yield {}
    want(desk.order("p1", headers=headers) == (200, "accepted"), "accepted")
    desk.tool("endpoint", "edit", "shop", "--allow-from", "")


def no_endpoint(desk):
    desk.tool("endpoint", "disable", "shop")
    want(desk.order("n1")[0] == 404, "404")
    time.sleep(0.01)  # the list is in order of time
    want(desk.order("n1", endpoint="shopp")[0] == 404, "404 of another")
    yield {}
    yield {}
    want(desk.order("n1") == (200, "accepted"), "accepted")


def too_large(desk):
    body = b'{"id":"l1","topic":"order.paid","x":"' + b"x" * LARGE + b'"}'
    want(desk.send(body)[0] == 413, "413")
    yield {"9": desk.refusal()}
    yield {}
    want(desk.send(body) == (200, "accepted"), "accepted")


def too_many(desk):
    desk.tool("endpoint", "edit", "shop", "--rate", "1")
    want(429 in [desk.order(f"r{n}")[0] for n in range(10)], "429")
    yield {}
    yield {}
    want({desk.order(f"rr{n}") for n in range(10)} == {(200, "accepted")},
         "accepted")


def no_secret(desk):
    desk.tool("endpoint", "add", "orders", "--scheme", "nomos")
    want(desk.order("s1", endpoint="orders")[0] == 503, "503")
    yield {}
    yield {}
    want(desk.order("s1", endpoint="orders") == (200, "accepted"), "accepted")


def not_started(desk):
    if os.geteuid() != 0:
        return
    # The web server starts it anew, in vain.
    os.chown(desk.st.home + "/keys/store.key", NOBODY, NOBODY)
    desk.st.kill_and_wait(desk.st.processes())
    wait_for("the web server has no eyelet", WAIT_S, lambda: desk.st.get(
        "/hooks/healthz")[0] in (500, 503), 0.2)
    yield {}
    yield {}
    want(desk.order("started") == (200, "accepted"), "accepted")


def ignored(desk):
    desk.tool("endpoint", "edit", "shop", "--events", "order.*")
    want(desk.order("i1", "customer.created") == (200, "ignored"), "ignored")
    yield {}
    yield {}
    want(desk.order("i1", "customer.created") == (200, "accepted"), "accepted")


def held(desk):
    desk.tool("endpoint", "add", "code", "--scheme", "github",
              "--secret-file", f"{desk.work}/secret.txt")
    want(desk.push("d1") == (200, "accepted"), "accepted")
    want(desk.push("d2") == (200, "held"), "held")
    seq = desk.seq("--status", "held")
    yield {"42": seq}
    yield {"42": seq}
    want(not [row for row in desk.st.rows("event", "list", "--status", "held")
              if "seq" in row], "none is held")
    want(desk.seq("--endpoint", "code") > seq, "released")


def twice(desk):
    slow = f"{desk.st.top}/slow"
    with open(slow, "w", encoding="utf-8") as f:
        f.write("#!/bin/sh\nexec sleep 2\n")
    os.chmod(slow, 0o755)
    desk.tool("destination", "add", "slow", "--command", slow, "--retry",
              "1s,1s", "--timeout", "1s")
    want(desk.order("t1") == (200, "accepted"), "accepted")
    seq = desk.seq()
    desk.deliver()
    yield {"43": seq}
    yield {}
    want(desk.order("t2") == (200, "accepted"), "accepted")
    desk.deliver()
    tries = [d for row in desk.st.rows("event", "show", desk.seq())
             for d in row.get("deliveries", []) if d["destination"] == "slow"]
    want([t["attempts_made"] for t in tries] == [1] and
         tries[0]["state"] == "delivered", f"one attempt: {tries}")
    desk.tool("destination", "remove", "slow", "--yes")


def undelivered(desk):
    desk.tool("destination", "add", "crm", "--command", "/bin/true")
    want(desk.order("u1") == (200, "accepted"), "accepted")
    wait_for("status ends with 1", WAIT_S, lambda: desk.st.run(
        "store", "status", check=False).returncode == 1, 0.2)
    yield {}
    yield {}
    wait_for("it is delivered", WAIT_S,
             lambda: desk.state(desk.seq("--endpoint", "shop")) ==
             "delivered", 0.2)
    wait_for("status ends with 0", WAIT_S, lambda: desk.st.run(
        "store", "status", check=False).returncode == 0, 0.2)
    desk.end_deliverer()


def disabled(desk):
    desk.tool("destination", "edit", "crm", "--command", "/bin/false",
              "--retry", "1s,1s,1s,1s,1s,1s", "--disable-after", "2s")
    want(desk.order("d1") == (200, "accepted"), "accepted")
    desk.start_deliverer()
    wait_for("it is disabled", WAIT_S, lambda: next(desk.st.rows(
        "destination", "list"))["state"] == "disabled", 0.2)
    desk.end_deliverer()
    yield {}
    desk.tool("destination", "edit", "crm", "--command", "/bin/true")
    yield {}
    desk.delivers()
    desk.tool("destination", "edit", "crm", "--disable-after", "")


def late(desk):
    desk.tool("destination", "edit", "crm", "--command", "/bin/false",
              "--retry", "1h,1h")
    want(desk.order("late1") == (200, "accepted"), "accepted")
    desk.deliver()
    yield {}
    desk.tool("destination", "edit", "crm", "--command", "/bin/true")
    yield {}
    desk.delivers()


def dead(desk):
    desk.tool("destination", "edit", "crm", "--command", "/bin/false",
              "--retry", "none")
    want(desk.order("dead1") == (200, "accepted"), "accepted")
    desk.deliver()
    yield {"48": desk.seq("--endpoint", "shop")}
    desk.tool("destination", "edit", "crm", "--command", "/bin/true")
    yield {}
    desk.delivers()


def copied(desk):
    desk.st.stop()
    wait_for("eyelet has left", WAIT_S, lambda: not desk.st.processes())
    shutil.copytree(desk.st.store, desk.st.home + "/copy",
                    ignore=shutil.ignore_patterns("socket"))
    shutil.rmtree(desk.st.store)
    os.rename(desk.st.home + "/copy", desk.st.store)
    desk.st.start()
    want(desk.order("copied1") == (200, "accepted"), "accepted")
    yield {}
    yield {}
    desk.delivers()


def unwell(desk):
    want(desk.order("unwell1") == (200, "accepted"), "accepted")
    wait_for("status ends with 1", WAIT_S, lambda: desk.st.run(
        "store", "status", check=False).returncode == 1, 0.2)
    yield {}
    yield {}
    wait_for("status ends with 0", WAIT_S, lambda: desk.st.run(
        "store", "status", check=False).returncode == 0, 0.2)


def full(desk):
    if not desk.st.mounted:
        return
    with open(f"{desk.st.home}/filler", "wb") as f:
        with contextlib.suppress(OSError):
            for _ in range(48):
                f.write(bytes(1 << 20))
                f.flush()
    wait_for("503", WAIT_S, lambda: desk.order(f"full{time.time()}")[0] == 503,
             0.2)
    yield {}
    os.unlink(f"{desk.st.home}/filler")
    yield {}
    want(desk.order("room1") == (200, "accepted"), "accepted")


def damaged(desk):
    desk.st.stop()
    wait_for("eyelet has left", WAIT_S, lambda: not desk.st.processes())
    folder = f"{desk.st.store}/db/log"
    logs = sorted(n for n in os.listdir(folder) if n.startswith("log."))
    for name in logs:
        os.unlink(f"{folder}/{name}")
    desk.start()
    want(desk.st.get("/hooks/healthz")[0] == 503, "503")
    want(desk.order("damaged1")[0] == 503, "503")
    yield {}
    yield {}
    want(desk.order("damaged1") == (200, "accepted"), "accepted")
    want(desk.st.get("/hooks/healthz")[0] == 200, "healthy")


def clock(desk):
    desk.st.clock.set(wall_s=7200)
    yield {}
    desk.st.clock.set(wall_s=0)
    yield {}
    want(desk.order("clock1") == (200, "accepted"), "accepted")


def not_in_force(desk):
    with open(desk.st.conf, encoding="utf-8") as f:
        text = f.read()
    with open(desk.st.conf, "w", encoding="utf-8") as f:
        f.write(text + "[receive]\naddress_rate = 20 a second\n")
    yield {}
    with open(desk.st.conf, "w", encoding="utf-8") as f:
        f.write(text + "[receive]\naddress_rate = 20\n")
    yield {}
    yield {}


def rotated(desk):
    os.rename(desk.st.log, desk.st.log + ".1")
    elsewhere = f"{desk.st.top}/elsewhere.log"
    with open(elsewhere, "w", encoding="utf-8"):
        pass
    os.symlink(elsewhere, desk.st.log)
    desk.order("log1")
    yield {}
    yield {}

    def logged():
        desk.order("log2")
        return os.path.exists(desk.st.log) and "log2" in desk.st.tail() or \
            "id=log2" in read(desk.st.log)
    wait_for("the log has lines again", WAIT_S, logged, 0.5)


def read(path):
    with contextlib.suppress(OSError):
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read()
    return ""


def another_user(desk):
    if os.geteuid() != 0:
        return
    yield {}
    yield {}
    want("yes" in desk.printed, "root sees it")


SYMPTOMS = {
    "400: the body is not accepted": not_json,
    "401: no signature matches": wrong_secret,
    "401 after a rotation": old_secret,
    "403, or each request comes from the proxy": proxy,
    "404: no such endpoint": no_endpoint,
    "413: the body is too large": too_large,
    "429: too many requests": too_many,
    "503 from one endpoint": no_secret,
    "500 or 503 from the web server itself": not_started,
    "200, but the event is not listed": ignored,
    "An event is held": held,
    "A receiver gets an event twice": twice,
    "Nothing is delivered": undelivered,
    "A destination is disabled": disabled,
    "Deliveries are late": late,
    "A delivery is dead": dead,
    "After a restore nothing is delivered": copied,
    "Status 1, or healthz answers 503": unwell,
    "The disk is full": full,
    "The store is damaged": damaged,
    "The clock is wrong": clock,
    "A setting is not in force": not_in_force,
    "The log stays empty after a rotation": rotated,
    "A program refuses this user": another_user,
}


def sections(path):
    """(title, its blocks), in the order of the page."""
    with open(path, encoding="utf-8") as f:
        parts = re.split(r"^\.Ss (.*)\n", f.read(), flags=re.M)[1:]
    return [(title.replace("\\&", ""), transcript.blocks(text))
            for title, text in zip(parts[::2], parts[1::2])]


def configure(desk, block):
    """A block of settings goes to the end of the configuration."""
    with open(desk.st.conf, "a", encoding="utf-8") as f:
        f.write(block)


def section(desk, title, blocks, show):
    """How many commands were run."""
    ran = 0
    symptom = SYMPTOMS[title](desk)
    for block in blocks:
        numbers = next(symptom, None)
        if numbers is None:
            print(f"not run without root: {title}")
            return ran
        if block.startswith("["):
            configure(desk, block)
            continue
        want(transcript.is_transcript(block), f"no commands: {block}")
        for prompt, command, lines in transcript.entries(block):
            wrong = desk.run(prompt, command, lines, numbers)
            if show:
                print(f"{prompt} {command}\n{desk.printed}")
            want(wrong is None, f"{command}: {wrong}")
            ran += 1
    want(next(symptom, None) is None, "the page has too few blocks")
    return ran


def main():
    show = "--show" in sys.argv[1:]
    found = sections(f"{stands.SOURCE}/conf/{PAGE}")
    bad = ran = 0
    for title in {t for t, _ in found} ^ set(SYMPTOMS):
        print(f"FAIL: {title}: is not on the page and in this test")
        bad += 1
    desk = Desk()
    try:
        desk.st.start()
        desk.st.add_endpoint()
        for title, blocks in found:
            try:
                ran += section(desk, title, blocks, show)
            except (AssertionError, KeyError, TimeoutError,
                    RuntimeError) as wrong:
                print(f"FAIL: {title}: {wrong}")
                bad += 1
    finally:
        desk.close()
    print(f"{ran} commands of {len(found)} symptoms, {bad} bad")
    return bad > 0 or (ran < 40 and os.geteuid() == 0)


if __name__ == "__main__":
    sys.exit(main())
