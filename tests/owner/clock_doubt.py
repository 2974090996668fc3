#!/usr/bin/env python3
"""While the wall clock is in doubt no request is refused because of the time,
and nothing writes down a time to come; an operator can end the doubt.
"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from stand import SECRET, Stand, wait_for  # noqa: E402

HOUR, DAY = 3600, 86400
WAIT_S = 30
OLD = SECRET
NEW = "stand-secret-fedcba9876543210"
# So far the clock is set ahead, or back, in each round.
STEPS_S = (HOUR, DAY, 40 * DAY, 3650 * DAY, -HOUR, -40 * DAY, -3650 * DAY)

failed = 0


def check(what, got, want):
    global failed
    if got != want:
        failed += 1
        print(f"FAIL: {what}: {got!r}, not {want!r}")


def verdict(stand, event_id, now, secret=OLD):
    """The status and Retry-After of an event that was signed at now."""
    status, headers, _ = stand.post(event_id, secret=secret, now=now)
    return status, headers.get("retry-after")


def tool(stand, noun, *args, stdin=""):
    done = stand.run(noun, *args, check=False, stdin=stdin)
    return done.returncode, done.stdout + done.stderr


def clock(stand, *args):
    done = stand.run("store", "clock", *args, "--json", check=False)
    row = json.loads(done.stdout)
    check("the status of clock", done.returncode,
          0 if args or row["sure"] else 1)
    return row


def sure(stand):
    return clock(stand)["sure"]


def true_s(stand, step_s):
    """The time that senders have, whatever this machine shows."""
    return stand.clock.wall_s() - step_s


def doubt(stand, no, step_s):
    """One step: what is said to senders and to operators, and what is not."""
    stand.clock.set(wall_s=step_s)
    wait_for("the doubt", WAIT_S, lambda: not sure(stand), 0.1)
    now = true_s(stand, step_s)
    name = f"step {step_s} s"
    check(f"{name}: a genuine request",
          verdict(stand, f"evt_{no}", now), (503, "60"))
    check(f"{name}: by the secret whose grace goes on",
          verdict(stand, f"evt_{no}_new", now, NEW), (503, "60"))
    check(f"{name}: by nobody's secret",
          verdict(stand, f"evt_{no}_bad", now, "nobody's")[0], 401)
    # The wall clock decides nothing of one that it speaks for.
    check(f"{name}: signed by the clock of this machine, with the secret "
          "that is current", verdict(stand, f"evt_{no}_far", now + step_s,
                                     NEW)[0], 200)
    code, words = tool(stand, "secret", "rotate", "shop", "--grace", "2h",
                       "--secret-file", "-", stdin="another-secret-012345678")
    check(f"{name}: rotate with a grace", code, 75)
    for part in ("in doubt", "eyelet-store clock --accept",
                 "nothing was changed"):
        check(f"{name}: rotate says {part!r}: {words}", part in words, True)
    stand.clock.set(wall_s=0)
    check(f"{name}: it is in doubt after that step, too", sure(stand), False)
    check(f"{name}: the sender came back",
          verdict(stand, f"evt_{no}", true_s(stand, 0))[0], 200)
    check(f"{name}: with the other secret, too",
          verdict(stand, f"evt_{no}_new", true_s(stand, 0), NEW)[0], 200)
    code, words = tool(stand, "store", "clock", "--accept")
    check(f"{name}: accept: {words}", code, 0)
    check(f"{name}: sure again", sure(stand), True)
    check(f"{name}: the old secret still verifies",
          verdict(stand, f"evt_{no}_old", true_s(stand, 0))[0], 200)


def always_possible(stand):
    """What can wait for no clock: an end at once."""
    stand.clock.set(wall_s=DAY)
    wait_for("the doubt", WAIT_S, lambda: not sure(stand), 0.1)
    third = "stand-secret-third-0123456789"
    code, words = tool(stand, "secret", "rotate", "shop", "--grace", "0",
                       "--drop-oldest", "--secret-file", "-", stdin=third)
    check(f"rotate without a grace: {words}", code, 0)
    check("the new one verifies", verdict(
        stand, "evt_third", stand.clock.wall_s(), third)[0], 200)
    rows = [r["secret"] for r in stand.rows("secret", "show", "shop")
            if r["state"] == "current"]
    check("one secret is current", len(rows), 1)
    code, words = tool(stand, "secret", "revoke", "shop", rows[0],
                       "--replace", "--secret-file", "-",
                       stdin="stand-secret-fourth-01234567")
    check(f"revoke: {words}", code, 0)
    check("a revoked one verifies nothing", verdict(
        stand, "evt_revoked", stand.clock.wall_s(), third)[0], 401)


def floor_is_taken_back(stand):
    """A wrong clock that held for long enough is believed, until an operator
    says otherwise."""
    stand.clock.set(wall_s=0, boot_s=0)
    tool(stand, "store", "clock", "--accept")
    stand.clock.set(wall_s=40 * DAY)
    wait_for("the doubt", WAIT_S, lambda: not sure(stand), 0.1)
    stand.clock.set(wall_s=40 * DAY + 700, boot_s=700)
    wait_for("it held", WAIT_S, lambda: sure(stand), 0.1)
    wrong = clock(stand)["floor_at"]
    stand.clock.set(wall_s=700, boot_s=700)
    wait_for("the doubt", WAIT_S, lambda: not sure(stand), 0.1)
    row = clock(stand)
    check("judged by the floor", row["judged_at"] >= wrong, True)
    # It holds again, and the floor is still what it was: no grace by that.
    stand.clock.set(wall_s=1400, boot_s=1400)
    wait_for("it held", WAIT_S, lambda: sure(stand), 0.1)
    code, words = tool(stand, "secret", "rotate", "shop", "--grace", "2h",
                       "--drop-oldest", "--secret-file", "-",
                       stdin="another-secret-012345678")
    check(f"rotate by a floor that is ahead: {words}", code, 75)
    check("and why", "behind" in words, True)
    row = clock(stand, "--accept")
    check("the floor is what the clock shows", row["floor_at"], row["wall_at"])
    audits = [r for r in stand.rows("store", "audit", "--limit", "0")
              if r["verb"] == "store.clock"]
    check("each accept is in the audit trail", len(audits),
          len(STEPS_S) + 2)
    check("with what it was", audits[0]["detail"]["sure"], False)


def told(stand, kind):
    return any(r["endpoint"] == "eyelet" and r["type"] == kind
               for r in stand.rows("event", "list", "--limit", "0"))


def is_told(stand):
    """By the log, by status and by events of eyelet's own."""
    stand.clock.set(wall_s=2 * DAY)
    wait_for("the event of the doubt", WAIT_S,
             lambda: told(stand, "clock.doubtful"), 0.2)
    status = stand.store_status()
    check("status", "in doubt" in status["wall_clock"], True)
    check("accept", tool(stand, "store", "clock", "--accept")[0], 0)
    wait_for("the event of its end", WAIT_S,
             lambda: told(stand, "clock.sure"), 0.2)
    status = stand.store_status()
    check("status", status["wall_clock"], "is right")


def main():
    with Stand(clock=True) as stand:
        stand.add_endpoint()
        stand.start()
        wait_for("the first event", WAIT_S, lambda: stand.status(
            "evt_first", now=stand.clock.wall_s()) == "accepted", 0.2)
        code, words = tool(stand, "secret", "rotate", "shop", "--grace", "7d",
                           "--secret-file", "-", stdin=NEW)
        check(f"rotate: {words}", code, 0)
        for no, step_s in enumerate(STEPS_S):
            doubt(stand, no, step_s)
        floor_is_taken_back(stand)
        is_told(stand)
        always_possible(stand)
        said = [r for r in stand.rows("event", "list", "--limit", "0")]
        ids = sorted(r["id"] for r in said if r["endpoint"] == "shop")
        check("each event is there once", len(ids), len(set(ids)))
        for no in range(len(STEPS_S)):
            check(f"evt_{no} is there", f"evt_{no}" in ids, True)
    print("failed:", failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
