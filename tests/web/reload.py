#!/usr/bin/env python3
"""Settings and schemes taken anew while requests go on: by eyelet-store reload
and by SIGHUP, in every process of the store. No request is lost, no process
ends, and what is wrong changes nothing."""
import sys
sys.dont_write_bytecode = True

import hashlib
import hmac
import json
import os
import re
import signal
import subprocess
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from deliver_stand import DeliverStand
from sink import Sink
from stand import BUILD, SECRET, SOURCE, wait_for

SOON_S = 60
BIG = 1_300_000  # bytes of a body: above 1m, below 2m
DELIVER = f"{BUILD}/admin/eyelet-deliver"


def check(what, got, want=True):
    if got != want:
        raise AssertionError(f"{what}: {got!r}, not {want!r}")


class ReloadStand(DeliverStand):
    """Two eyelet.fcgi on one socket: the owner, and one that hands on."""

    def __init__(self):
        self.settings = {}
        self.second = None
        super().__init__()

    def write_conf(self, settings):
        self.schemes = f"{self.top}/schemes"
        self.work = f"{self.top}/work"  # of commands
        for folder in (self.schemes, self.work):
            if not os.path.isdir(folder):
                os.mkdir(folder)
                self.own(folder)
        self.settings = {"schemes.path":
                         f"{SOURCE}/conf/schemes {self.schemes}", **settings}
        super().write_conf(self.settings)

    def change(self, **settings):
        """Edits the file: section_key = value; None takes it out."""
        for name, value in settings.items():
            name = name.replace("_", ".", 1)
            self.settings.pop(name, None)
            if value is not None:
                self.settings[name] = value
        self.write_conf(self.settings)

    def start(self, **how):
        super().start(supervised=True)
        with open(self.log, "ab") as log:
            self.second = subprocess.Popen(
                self.as_user([self.program, "-c", self.conf]),
                env=self.service_env, stdin=self.listening, stdout=log,
                stderr=log)
        wait_for("the second process", SOON_S, lambda: self.noted(
            "owns the store .*: requests go there"), 0.05)

    def close(self):
        if self.second is not None:
            self.second.kill()
            self.second.wait(SOON_S)
        super().close()

    def noted(self, pattern):
        done = subprocess.run(["grep", "-c", pattern, self.log],
                              capture_output=True, text=True, timeout=SOON_S)
        return int(done.stdout)

    def big(self):
        """What becomes of a large body."""
        return self.signed("X-Nomos-Signature", "shop", {
            "id": f"evt_big_{time.monotonic_ns()}", "topic": "a.b",
            "x": "y" * BIG})[0]

    def big_will_be(self, status):
        """In every process, soon: either may get the next connection."""
        wait_for(f"large bodies to get {status}", SOON_S, lambda: all(
            self.big() == status for _ in range(6)), 0.1)

    def put_scheme(self, name, header="X-Nomos-Signature", text=None):
        with open(f"{SOURCE}/conf/schemes/nomos.json") as f:
            text = text or f.read().replace("X-Nomos-Signature", header) \
                .replace("x-nomos-signature", header.lower())
        path = f"{self.schemes}/{name}.json"
        with open(f"{path}.new", "w") as f:
            f.write(text)
        os.rename(f"{path}.new", path)
        return path

    def signed(self, header, endpoint, event):
        body = json.dumps(event).encode()
        stamp = str(int(time.time()))
        mac = hmac.new(SECRET.encode(), stamp.encode() + b"." + body,
                       hashlib.sha256).hexdigest()
        status, _, said = self.http(
            f"POST /hooks/{endpoint} HTTP/1.1\r\nHost: stand\r\n"
            f"{header}: t={stamp},v1={mac}\r\n"
            f"Content-Length: {len(body)}\r\n", body)
        return status, said

    def status_with(self, event_id, header):
        """As status(), with a header of another name."""
        status, said = self.signed(header, "web", {"id": event_id,
                                                   "topic": "a.b"})
        return json.loads(said)["status"] if status == 200 else status

    def reload(self):
        return self.tool("store", "reload")

    def owner(self):
        return json.loads(self.tool("store", "status", "--json"))["owner"][
            "pid"]

    def fails(self, noun, *args):
        done = self.run(noun, *args, check=False)
        if done.returncode == 0:
            raise AssertionError(f"{args}: it worked: {done.stdout}")
        return done

    def shown(self):
        return {row["setting"]: row for row in self.rows("store", "config")}


class Load:
    """Requests one after another, as long as it is there."""

    def __init__(self, st):
        self.st = st
        self.ends = False
        self.sent = 0
        self.wrong = []
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.ends:
            self.sent += 1
            said = self.st.status(f"evt_load_{self.sent}")
            if said != "accepted":
                self.wrong.append(said)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.ends = True
        self.thread.join(SOON_S)
        if exc[0] is None:
            check("answers under load", self.wrong, [])
            check("there was a load", self.sent > 20)


def limits(st):
    check("large before", st.big(), 413)
    st.change(receive_body_max="2m")
    row = st.shown()["receive.body_max"]
    check("in force", (row["value"], row["file_value"], row["takes"]),
          ("1m", "2m", "reload"))
    check("marked for people", "2m (reload)" in st.tool("store", "config"))
    check("named as taken", "receive.body_max" in st.reload())
    st.big_will_be(200)
    row = st.shown()["receive.body_max"]
    check("taken", row["value"], "2m")
    check("not marked any more", "file_value" not in row)
    check("again", st.reload(), "Nothing has changed.\n")


def by_signal(st):
    """One process is told; all take it."""
    for process, size, status in ((st.second, "1m", 413),
                                  (st.service, "2m", 200),
                                  (st.deliverer, "1m", 413)):
        st.change(receive_body_max=size)
        process.send_signal(signal.SIGHUP)
        st.big_will_be(status)
        check("the deliverer took it", st.wait_words("reload=taken") != [])
    st.change(receive_body_max="2m")
    st.reload()
    st.big_will_be(200)


def mistakes(st):
    before = st.shown()
    with open(st.conf) as f:
        good = f.read()
    lines = good.count("\n")
    with open(st.conf, "w") as f:
        f.write(good + "[receive]\nmount = in\n")
    place = f"{st.conf}:{lines + 2}: receive.mount"
    said = st.fails("store", "reload")
    check("status", said.returncode, 78)
    check("its line", place in said.stderr)
    said = st.fails("store", "config", "--json")
    check("config's status", said.returncode, 78)
    check("config's line", place in said.stderr)
    check("what is in force", said.stdout.count('"in_force":true'),
          len(before))
    said = st.fails("store", "config")
    check("for people", re.search(r"^receive\.mount +/hooks ", said.stdout,
                                  re.M) is not None)
    for process in (st.service, st.second, st.deliverer):
        process.send_signal(signal.SIGHUP)
    wait_for("both say it", SOON_S, lambda: st.noted(
        f"old settings stay in force: .*{place}") == 2, 0.05)
    st.wait_words("reload=refused why=.*" + place)
    with open(st.conf, "w") as f:
        f.write(good)
    check("nothing changed", st.shown(), before)


def page(st):
    """eyelet.conf(5) names what needs a restart."""
    with open(f"{SOURCE}/conf/eyelet.conf.5") as f:
        text = f.read().partition(".Ss Reload\n")[2].partition(".Ss")[0]
    names = re.findall(r"^\.Li ([a-z_.]+)", text, re.M)
    waiting = {name for name, row in st.shown().items()
               if row["takes"] == "restart"}
    said = {s for s in st.shown() if s in names or s.split(".")[0] in names}
    check("the page", said, waiting)


def restarts(st):
    st.change(store_cache="65m", store_horizon="36d")
    row = st.shown()["store.cache"]
    check("marked", (row["value"], row["file_value"], row["takes"]),
          ("64m", "65m", "restart"))
    done = st.run("store", "reload")
    for words in ("store.cache", "needs a restart: 65m", "store.horizon"):
        check(f"reload names {words}", words in done.stdout)
    check("and what to do", "started anew" in done.stderr)
    check("still marked", "65m (restart)" in st.tool("store", "config"))
    wait_for("the log to say so", SOON_S, lambda: st.noted(
        "need a restart: .*store.cache=65m") > 0, 0.05)
    st.change(store_cache=None, store_horizon=None)
    st.reload()


def schemes(st, sink):
    """A file that is new; one that changed; one that is broken."""
    st.put_scheme("fresh")
    st.tool("endpoint", "add", "web", "--scheme", "fresh", "--secret-file",
            f"{st.top}/secret")
    check("known at once", st.status("evt_1", endpoint="web"), "accepted")
    st.put_scheme("fresh", "X-Fresh-Signature")
    check("not yet", st.status("evt_2", endpoint="web"), "accepted")
    check("named", "fresh" in st.reload())
    check("the old header", st.status("evt_3", endpoint="web"), 401)
    check("the new one", st.status_with("evt_3", "X-Fresh-Signature"),
          "accepted")
    path = st.put_scheme("fresh", text="{")
    said = st.fails("store", "reload")
    check("its file", f"{path}: " in said.stderr)
    check("nothing changed", st.status_with("evt_4", "X-Fresh-Signature"),
          "accepted")
    os.remove(path)
    said = st.fails("store", "reload")
    check("who needs it", "endpoint web would work no more" in said.stderr)
    st.put_scheme("fresh", "X-Fresh-Signature")
    broken = st.put_scheme("other", text="{")
    said = st.fails("endpoint", "add", "x", "--scheme", "other",
                    "--secret-file", f"{st.top}/secret")
    check("why it is not known", f"{broken}: " in said.stderr)
    os.remove(broken)
    # The deliverer's.
    st.put_scheme("signs")
    st.destination("crm", sink.url("/crm"), sign="signs",
                   endpoints="web")
    st.status_with("evt_5", "X-Fresh-Signature")
    check("signed by a new scheme", "x-nomos-signature" in
          sink.wait(1, "/crm")[-1].headers)
    st.put_scheme("signs", "X-Signs-Signature")
    st.reload()
    time.sleep(1.5)
    st.status_with("evt_6", "X-Fresh-Signature")
    check("signed by the changed one", "x-signs-signature" in
          sink.wait(2, "/crm")[-1].headers)
    st.change(deliver_mode="off")
    st.reload()
    st.wait_words("delivery=off")
    st.status_with("evt_7", "X-Fresh-Signature")
    time.sleep(1.5)
    check("off", len(sink.requests("/crm")), 2)
    check("known as off", st.store_status()["deliverer"]["state"], "off")
    st.change(deliver_mode=None)
    st.reload()
    sink.wait(3, "/crm")
    st.op("destination.remove", destination="crm")


def unmarked(st, sink):
    """The mark cannot be touched: the settings are taken all the same, and
    the log tells which processes were not reached."""
    mark = f"{st.store}/reload"
    os.remove(mark)
    os.mkdir(mark)  # nothing opens it for writing, whoever we are
    before = len(st.words("reload="))
    st.deliverer.send_signal(signal.SIGHUP)
    st.wait_words("reload=", before + 1)
    st.destination("marked", sink.url("/marked"), sign="signs",
                   endpoints="shop")
    st.accept("evt_marked")
    sink.wait(1, "/marked")
    check("it runs", st.deliverer.poll(), None)
    check("why", "/reload" in st.words("do not learn that settings")[0])
    check("taken", st.words("reload=refused why=.*store/reload"), [])
    os.rmdir(mark)
    st.op("destination.remove", destination="marked")


def run_until_told(st, name):
    """A command that takes one event at a time, until there is a file."""
    script = (f"cd {st.work}; echo $EYELET_ID $EYELET_ATTEMPT >>{name}; "
              f"for i in $(seq 600); do test -e {name}.go && exit 0; "
              "sleep 0.1; done; exit 1")
    st.destination(name, None, command=["/bin/sh", "-c", script],
                   concurrency=1, endpoints="shop")


def runs(st, name):
    try:
        with open(f"{st.work}/{name}") as f:
            return f.read().splitlines()
    except FileNotFoundError:
        return []


def go(st, name):
    with open(f"{st.work}/{name}.go", "w"):
        pass


def off_under_way(st):
    """What is under way ends and is written down; nothing more begins."""
    run_until_told(st, "off")
    st.accept("evt_off1", "evt_off2")
    wait_for("the first", SOON_S, lambda: runs(st, "off") != [], 0.05)
    before = len(st.words("delivery=off"))
    st.change(deliver_mode="off")
    st.reload()
    st.wait_words("delivery=off", before + 1)
    go(st, "off")
    st.wait_words("delivery=delivered destination=off .*attempt=1 ")
    check("no second one", runs(st, "off"), ["evt_off1 1"])
    st.change(deliver_mode=None)
    st.reload()
    wait_for("the second", SOON_S, lambda: len(runs(st, "off")) > 1, 0.05)
    st.wait_words("delivery=delivered destination=off ", 2)
    check("each once", runs(st, "off"), ["evt_off1 1", "evt_off2 1"])
    st.op("destination.remove", destination="off")


def off_once(st):
    """One that is there but once ends when deliveries are off."""
    check("told to stop", st.end_deliver(), 0)
    run_until_told(st, "once")
    st.accept("evt_once1", "evt_once2")
    st.deliver("--once")
    wait_for("the first", SOON_S, lambda: runs(st, "once") != [], 0.05)
    before = len(st.words("delivery=off"))
    st.change(deliver_mode="off")
    st.deliverer.send_signal(signal.SIGHUP)
    st.wait_words("delivery=off", before + 1)
    go(st, "once")
    check("it ends", st.deliverer.wait(SOON_S), 0)
    check("its figures", st.words("^delivered"),
          ["delivered 1, failed 0, dead 0, left 1"])
    st.change(deliver_mode=None)
    st.reload()
    st.deliver("-v")
    st.wait_words("delivery=delivered destination=once ")
    check("each once", runs(st, "once"), ["evt_once1 1", "evt_once2 1"])
    st.op("destination.remove", destination="once")


def store_limits(st):
    """What the store itself goes by."""
    check("a bad signature", st.status("evt_bad", secret="other" * 8), 401)

    def kept():
        return len(list(st.rows("event", "quarantine", "list")))
    wait_for("it to be kept", SOON_S, lambda: kept() > 0, 0.05)
    st.change(quarantine_count="0", store_floor="1000g")
    st.reload()
    check("nothing is kept", kept(), 0)
    wait_for("too little room", SOON_S,
             lambda: st.status(f"evt_{time.monotonic_ns()}") == 503, 0.05)
    st.change(quarantine_count=None, store_floor="1m")
    st.reload()
    wait_for("room", SOON_S,
             lambda: st.status(f"evt_{time.monotonic_ns()}") == "accepted",
             0.05)


def places(st):
    st.change(receive_mount="/in")
    st.reload()
    row = json.loads(st.tool("endpoint", "show", "shop", "--json"))
    check("the path to register", row["path"], "/in/shop")
    st.change(receive_mount=None, process_log="syslog", process_workers="3")
    st.reload()
    time.sleep(0.5)
    check("no lines", (st.status("evt_9"), st.noted("id=evt_9 ")),
          ("accepted", 0))
    st.change(process_log=None)
    st.reload()
    time.sleep(0.5)
    st.accept("evt_10")
    wait_for("lines", SOON_S, lambda: st.noted("id=evt_10 ") == 1, 0.05)


def child(st):
    """By a reload the owner starts a deliverer of its own; HUP ends none."""
    check("told to stop", st.end_deliver(), 0)
    st.change(deliver_mode="child", deliver_program=DELIVER)
    st.reload()
    pids = []
    owner = st.owner()

    def found():
        with open(f"/proc/{owner}/task/{owner}/children") as f:
            pids[:] = [int(pid) for pid in f.read().split()]
        return len(pids) == 1
    wait_for("a child", SOON_S, found, 0.05)
    time.sleep(0.5)
    os.kill(pids[0], signal.SIGHUP)
    time.sleep(1.5)
    check("it lives", os.path.exists(f"/proc/{pids[0]}/exe"))
    st.change(deliver_mode=None)
    st.reload()
    wait_for("it to stop", SOON_S, lambda: not found(), 0.05)


def on_demand(st):
    """The owner that an admin program starts."""
    owner = json.loads(st.tool("store", "status", "--json"))["owner"]
    check("role", owner["role"], "store")
    os.kill(owner["pid"], signal.SIGHUP)
    st.change(receive_body_max="3m")
    check("named as taken", "receive.body_max" in st.reload())
    again = json.loads(st.tool("store", "status", "--json"))["owner"]
    check("the same process", again["pid"], owner["pid"])


def main():
    with ReloadStand() as st, Sink() as sink:
        # What was freed is not what it was.
        st.env["MALLOC_PERTURB_"] = "165"
        st.deliver("-v")
        pids = (st.service.pid, st.second.pid, st.deliverer.pid)
        with Load(st):
            limits(st)
            by_signal(st)
            mistakes(st)
            page(st)
            restarts(st)
            schemes(st, sink)
        unmarked(st, sink)
        off_under_way(st)
        store_limits(st)
        places(st)
        for process in (st.service, st.second, st.deliverer):
            check("it runs", process.poll(), None)
        check("the same ones", pids, (st.service.pid, st.second.pid,
                                      st.deliverer.pid))
        off_once(st)
        child(st)
        for process in (st.second, st.service):
            process.terminate()
            check("it ends well", process.wait(SOON_S), 0)
        on_demand(st)
    return 0


if __name__ == "__main__":
    sys.exit(main())
