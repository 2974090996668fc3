#!/usr/bin/env python3
"""That nothing delivers is told: by the programs that have to do with
deliveries, by healthz, by eyelet-store status, which then ends with 1, by an
event of eyelet's own and by a line in the log. Each cure that is named
cures."""
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
from stand import wait_for  # noqa: E402

WAIT_S = 60
NOTHING = "nothing is delivered"
failures = 0


def check(right, what):
    global failures
    if not right:
        failures += 1
        print(f"FAIL: {what}", flush=True)


def said(stand, noun, *args):
    """What a program says on stderr; with --json stdout has rows alone."""
    done = stand.run(noun, *args)
    for line in done.stdout.splitlines() if "--json" in args else ():
        check("deliver_note" not in json.loads(line), f"a row: {line}")
    return done.stderr


def status(stand):
    done = stand.run("store", "status", "--json", check=False)
    return done.returncode, json.loads(done.stdout)


def health(stand):
    code, _, body = stand.get("/hooks/healthz")
    return code, json.loads(body).get("deliverer")


def notices(stand):
    return [r["type"] for r in stand.rows("event", "list", "--endpoint",
                                          "eyelet", "--limit", "0")][::-1]


class Deliverer:
    """eyelet-deliver, as a unit would start it."""

    def __init__(self, stand):
        self.stand = stand

    def __enter__(self):
        self.process = subprocess.Popen(
            [self.stand.tool_path("deliver"), "-c", self.stand.conf],
            env=self.stand.env, stderr=subprocess.DEVNULL)
        wait_for("the deliverer has the lock", WAIT_S, lambda: status(
            self.stand)[1]["deliverer"]["state"] == "runs", 0.1)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        self.process.wait(WAIT_S)


def all_is_well(stand, what):
    code, row = status(stand)
    check(code == 0, f"{what}: status ends with {code}: {row}")
    check(row["undelivered_why"] is None, f"{what}: {row}")
    for args in (("list",), ("show", "sink")):
        words = said(stand, "destination", *args)
        check(words == "", f"{what}: {args}: {words}")


def nothing_to_tell_yet(stand):
    check(said(stand, "destination", "list").startswith("There are no"),
          "list, without a destination")
    code, row = status(stand)
    check((code, row["undelivered"], row["oldest_waiting"]) ==
          (0, False, None), f"status of an empty store: {code} {row}")
    check(row["deliverer"]["state"] == "none", f"state: {row}")


def none_runs(stand):
    words = said(stand, "destination", "add", "sink", "--command",
                 "/bin/true", "--events", "order.*", "--json")
    check(NOTHING in words, f"add: {words}")
    unit = re.search("systemctl start ([a-z-]+)", words)[1]
    with open(f"{stands.SOURCE}/conf/{unit}.service") as f:
        check("ExecStart=/usr/sbin/eyelet-deliver" in f.read(),
              "the unit that is named starts it")
    check(stand.status("evt_1") == "accepted", "an event")
    for noun, *args in (("destination", "list"), ("destination", "list",
                        "--json"), ("destination", "show", "sink"),
                        ("event", "show", "1"), ("event", "show", "1",
                                                 "--json")):
        words = said(stand, noun, *args)
        check(NOTHING in words, f"{noun} {args}: {words}")
    row = next(stand.rows("destination", "list"))
    check(row["oldest_waiting"]["seq"] == 1 and row["oldest_waiting"]["sure"]
          and row["deliverer"] == "none", f"list: {row}")
    check(re.search(r"OLDEST.*\n.* [0-9]+s ",
                    stand.tool("destination", "list")), "the column")
    # healthz is about requests: these are accepted.
    check(health(stand)[0] == 200, f"healthz: {health(stand)}")
    wait_for("healthz has a word of it", WAIT_S,
             lambda: health(stand) == (200, "none"), 0.2)
    wait_for("status ends with 1", WAIT_S, lambda: status(stand)[0] == 1, 0.2)
    row = status(stand)[1]
    check(row["undelivered"] and row["healthy"] and
          NOTHING in row["undelivered_why"], f"status: {row}")
    check(NOTHING in stand.run("store", "status", check=False).stdout,
          "status for people")
    wait_for("the notice", WAIT_S,
             lambda: notices(stand) == ["deliverer.missing"], 0.2)
    wait_for("a line in the log", WAIT_S,
             lambda: NOTHING in open(stand.log).read(), 0.2)


def a_start_cures(stand):
    with Deliverer(stand):
        wait_for("it is delivered", WAIT_S, lambda: not next(stand.rows(
            "destination", "list"))["oldest_waiting"], 0.2)
        all_is_well(stand, "a deliverer runs")
        check(said(stand, "event", "show", "1") == "", "event show")
        wait_for("healthz sees it", WAIT_S,
                 lambda: health(stand) == (200, "runs"), 0.2)
        wait_for("the second notice", WAIT_S, lambda: notices(stand) == [
            "deliverer.missing", "deliverer.back"], 0.2)
    # It is gone: with nothing that waits that is no fault, and yet told.
    check(NOTHING in said(stand, "destination", "list"), "it has ended")
    check(status(stand)[0] == 0, "nothing waits")


def from_cron(stand):
    """Another one is expected."""
    stand.tool("deliver", "--once")
    all_is_well(stand, "one was here just now")
    code, row = status(stand)
    check(row["deliverer"]["once"] and row["deliverer"]["ran_at"],
          f"it was here: {row}")


def one_hangs(stand):
    """Stopped by a signal: with missing_after = 3s that is 10 s."""
    with Deliverer(stand) as dl:
        dl.process.send_signal(signal.SIGSTOP)
        check(stand.status("evt_2") == "accepted", "an event")
        wait_for("it is missed", WAIT_S, lambda: NOTHING in said(
            stand, "destination", "list"), 0.5)
        words = said(stand, "destination", "list")
        check(f"kill -CONT {dl.process.pid}" in words, f"how: {words}")
        check(status(stand)[1]["deliverer"]["state"] == "silent", "silent")
        dl.process.send_signal(signal.SIGCONT)
        wait_for("it goes on", WAIT_S,
                 lambda: said(stand, "destination", "list") == "", 0.2)
        dl.process.send_signal(signal.SIGSTOP)
        dl.process.send_signal(signal.SIGKILL)
        dl.process.wait(WAIT_S)
        check(NOTHING in said(stand, "destination", "list"), "killed")
    with Deliverer(stand):
        all_is_well(stand, "started again")


def what_waits(stand):
    """And what does not: selected by none, dead, set aside, paused."""
    def oldest(name):
        return next(r for r in stand.rows("destination", "list")
                    if r["destination"] == name)["oldest_waiting"]
    stand.tool("destination", "add", "picky", "--command", "/bin/true",
               "--events", "never.*")
    stand.tool("destination", "add", "later", "--command", "/bin/false",
               "--retry", "1h")
    stand.tool("destination", "add", "never", "--command", "/bin/false",
               "--retry", "none")
    check(stand.status("evt_3") == "accepted", "an event")
    seq = oldest("later")["seq"]
    check(oldest("picky") is None and oldest("never")["seq"] == seq,
          "none of it was looked at")
    stand.tool("deliver", "--once")
    check(oldest("picky") is None, "not selected")
    check(oldest("never") is None, "dead")
    check(oldest("later")["seq"] == seq, "to be tried again")
    check(status(stand)[1]["oldest_waiting"]["seq"] == seq, "in the status")
    stand.tool("event", "park", str(seq), "--destination", "later")
    check(oldest("later") is None, "set aside")
    # With more of the log before it than is looked at, that is said.
    stand.tool("destination", "pause", "picky")
    load = stand.load(count=2100)
    stands.end_load(load, leave=False)
    for name in ("sink", "later", "never"):
        check(oldest(name)["sure"], f"{name}: the first one is for it")
    row = oldest("picky")
    check(row is not None and not row["sure"], f"too far to look: {row}")
    for name in ("sink", "later", "never"):
        stand.tool("destination", "pause", name)
    code, row = status(stand)
    check((code, row["oldest_waiting"]) == (0, None), f"all paused: {row}")


def it_is_off():
    with stands.Stand(settings={"deliver.mode": "off",
                                "deliver.missing_after": "1s"}) as stand:
        stand.add_endpoint()
        stand.start()
        words = said(stand, "destination", "add", "sink", "--command",
                     "/bin/true")
        check("deliver.mode is off" in words, f"off: {words}")
        check(stand.status("evt_1") == "accepted", "an event")
        check(health(stand) == (200, "off"), f"healthz: {health(stand)}")
        time.sleep(2)
        code, row = status(stand)
        check((code, row["deliverer"]["state"]) == (0, "off"),
              f"it was asked for: {code} {row}")
        # From then on one is missed.
        stand.write_conf({"deliver.mode": "service",
                          "deliver.missing_after": "1s"})
        stand.tool("store", "reload")
        check("systemctl start" in said(stand, "destination", "list"),
              "reloaded: none runs")
        wait_for("it is told", WAIT_S, lambda: status(stand)[0] == 1, 0.2)


def a_child():
    program = stands.Stand.tool_path("deliver")
    with stands.Stand(settings={"deliver.mode": "child",
                                "deliver.missing_after": "3s",
                                "deliver.program": program}) as stand:
        stand.add_endpoint()
        words = said(stand, "destination", "add", "sink", "--command",
                     "/bin/true")
        check("the next request" in words, f"child: {words}")
        stand.start()  # until it answers a request
        wait_for("the request had it started", WAIT_S, lambda: said(
            stand, "destination", "list") == "", 0.2)
        # One that hangs is replaced.
        first = status(stand)[1]["deliverer"]["pid"]
        os.kill(first, signal.SIGSTOP)
        check(stand.status("evt_1") == "accepted", "an event")
        wait_for("another deliverer", WAIT_S, lambda: status(stand)[1][
            "deliverer"]["pid"] not in (first, None), 0.2)
        wait_for("it is delivered", WAIT_S, lambda: not next(stand.rows(
            "destination", "list"))["oldest_waiting"], 0.2)
        check(f"process {first}, hangs" in open(stand.log).read(),
              "the log says so")


def unhealthy():
    """No disk has so much room."""
    with stands.Stand(settings={"store.floor": "1023g"}) as stand:
        code, row = status(stand)
        check((code, row["healthy"]) == (1, False),
              f"below the floor: {code} {row}")


def main():
    with stands.Stand(settings={"deliver.missing_after": "3s"}) as stand:
        stand.add_endpoint()
        stand.start()
        nothing_to_tell_yet(stand)
        none_runs(stand)
        a_start_cures(stand)
        from_cron(stand)
        one_hangs(stand)
        what_waits(stand)
    it_is_off()
    a_child()
    unhealthy()
    if failures:
        return 1
    print("that nothing delivers is told")
    return 0


if __name__ == "__main__":
    sys.exit(main())
