#!/usr/bin/env python3
"""A secret that the provider sends to the endpoint itself: Asana in a header
that wants it back, Notion in a body. It is taken once, within its minutes, from
addresses that may post; what it verifies is held until it is activated; and
whoever was faster than the provider is seen, and gets nothing delivered."""
import os
import hashlib
import hmac
import http.client
import json
import re
import sys

sys.dont_write_bytecode = True

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from deliver_stand import DeliverStand, SOON_S, Sink, check, wait_for

ASANA = "asana-hook-secret-0123456789abcdef"
NOTION = "secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl"
THIEF = "thief-hook-secret-0123456789abcdef"


def post(st, name, body=b"", headers=()):
    """Status, headers in lower case, and the text of the answer."""
    c = http.client.HTTPConnection("127.0.0.1", st.port, timeout=30)
    c.request("POST", f"/hooks/{name}", body, dict(headers))
    answer = c.getresponse()
    said = answer.status, {k.lower(): v for k, v in answer.getheaders()}, \
        answer.read().decode()
    c.close()
    return said


def asana(st, n, secret=ASANA, name="tasks"):
    body = json.dumps({"events": [{"action": "added", "n": n, "resource": {
        "resource_type": "task"}}]}).encode()
    mac = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    status, _, text = post(st, name, body, {
        "X-Hook-Signature": mac, "Content-Type": "application/json"})
    return status, json.loads(text).get("status") if text else None


def secrets(st, name):
    return [r for r in st.rows("secret", "show", name) if "secret" in r]


def fingerprint(secret):
    return "sha256:" + hashlib.sha256(secret.encode()).hexdigest()[:16]


def events(st, name, verb="list", *args):
    return [r for r in st.rows("event", verb, "--endpoint", name, *args)
            if "seq" in r]


def closed_at_first(st):
    check("keyless", post(st, "tasks", b"", {"X-Hook-Secret": ASANA})[0] == 503)


def taken_and_echoed(st, sink):
    st.tool("endpoint", "edit", "tasks", "--expect-secret")
    row, = st.rows("endpoint", "show", "tasks")
    check("it is waited for", row["expects_secret_until"] is not None, row)
    status, headers, _ = post(st, "tasks", b"", {"X-Hook-Secret": ASANA})
    check("taken", status == 200, status)
    check("and sent back", headers.get("x-hook-secret") == ASANA, headers)
    one, = secrets(st, "tasks")
    check("whence", (one["state"], one["from"], one["pending"]) ==
          ("staged", "127.0.0.1", True), one)
    check("which", one["fingerprint"] == fingerprint(ASANA), one)
    text = st.tool("secret", "show", "tasks")
    check("people see both", "127.0.0.1" in text and
          fingerprint(ASANA) in text, text)
    row, = st.rows("endpoint", "show", "tasks")
    check("no more is waited for", row["expects_secret_until"] is None, row)
    for when in ("again, as the answer was lost", "by another owner"):
        status, headers, _ = post(st, "tasks", b"", {"X-Hook-Secret": ASANA})
        check(when, (status, headers.get("x-hook-secret")) == (200, ASANA),
              headers)
        if when.startswith("again"):
            st.cut_power()
            st.start()
    check("one is kept", len(secrets(st, "tasks")) == 1)
    status, headers, _ = post(st, "tasks", b"", {"X-Hook-Secret": THIEF})
    check("a second one is refused",
          status == 401 and "x-hook-secret" not in headers, status)
    check("nor kept", len(secrets(st, "tasks")) == 1)


def held_until_activated(st, sink):
    for n in (1, 2):
        check("held", asana(st, n) == (200, "held"), n)
    check("of one it is a duplicate", asana(st, 1) == (200, "duplicate"))
    st.tool("deliver", "--once")
    check("nothing is delivered", sink.requests("/crm") == [])
    check("nor an event", events(st, "tasks") == [])
    waiting = events(st, "tasks", "list", "--status", "held")
    check("both are listed", len(waiting) == 2, waiting)
    check("with the reason", waiting[0]["held_reason"] ==
          "its secret came by itself, and is not activated", waiting[0])
    check("and the rule", waiting[0]["held_rule"] == 7, waiting[0])
    text = st.tool("event", "show", str(waiting[0]["seq"]))
    way, = re.findall("eyelet-secret (activate tasks sec_[0-9]+) makes", text)
    check("and no release of one", "event release" not in text, text)
    said = st.tool("secret", *way.split())
    check("it says how many", "2" in said, said)
    one, = secrets(st, "tasks")
    check("current", (one["state"], one["pending"]) == ("current", False), one)
    check("accepted from now on", asana(st, 3) == (200, "accepted"))
    check("and those before", len(events(st, "tasks")) == 3)
    st.tool("deliver", "--once")
    check("all are delivered", len(sink.requests("/crm")) == 3,
          sink.requests("/crm"))


def a_thief_is_seen(st, sink):
    """The first one counts, whoever it is from: nothing of it goes out."""
    st.tool("endpoint", "add", "raced", "--scheme", "asana", "--expect-secret",
            "5")
    check("taken", post(st, "raced", b"", {"X-Hook-Secret": THIEF})[0] == 200)
    check("the provider's is not",
          post(st, "raced", b"", {"X-Hook-Secret": ASANA})[0] == 401)
    check("held", asana(st, 1, THIEF, "raced") == (200, "held"))
    one, = secrets(st, "raced")
    check("another one", one["fingerprint"] == fingerprint(THIEF), one)
    wrong = st.run("endpoint", "edit", "raced", "--expect-secret", "5",
                   check=False)
    way = re.search("eyelet-secret (revoke raced sec_[0-9]+)", wrong.stderr)
    check("one at a time", wrong.returncode == 73 and way, wrong)
    st.tool("secret", *way[1].split())
    one, = secrets(st, "raced")
    check("revoked", one["state"] == "revoked", one)
    st.tool("endpoint", "edit", "raced", "--expect-secret", "5")
    check("never taken again",
          post(st, "raced", b"", {"X-Hook-Secret": THIEF})[0] == 400)
    check("the provider's now",
          post(st, "raced", b"", {"X-Hook-Secret": ASANA + "2"})[0] == 200)
    st.tool("secret", "activate", "raced")
    check("the thief's stays held", events(st, "raced") == [])


def addresses_and_time(st):
    st.tool("endpoint", "add", "far", "--scheme", "asana", "--allow-from",
            "192.0.2.1", "--expect-secret", "5")
    check("not from here",
          post(st, "far", b"", {"X-Hook-Secret": ASANA})[0] == 403)
    st.tool("endpoint", "edit", "far", "--allow-from", "", "--expect-secret",
            "0")
    check("closed", post(st, "far", b"", {"X-Hook-Secret": ASANA})[0] == 503)
    check("none", secrets(st, "far") == [])
    wrong = st.run("endpoint", "add", "hub", "--scheme", "github",
                   "--expect-secret", check=False)
    check("not this scheme's", wrong.returncode == 65 and
          "secret_in" in wrong.stderr, wrong)
    wrong = st.run("endpoint", "edit", "far", "--expect-secret", "1441",
                   check=False)
    check("too long", wrong.returncode == 64, wrong)


def in_a_body(st):
    st.tool("endpoint", "add", "pages", "--scheme", "notion",
            "--expect-secret")
    for junk in (b"", b"no JSON", b"{}", b"[1]"):
        for more in ({}, {"Content-Encoding": "gzip"},
                     {"Content-Type": "application/x-www-form-urlencoded"}):
            check("no secret", post(st, "pages", junk, more)[0] in (
                400, 503), (junk, more))
    body = json.dumps({"verification_token": NOTION}).encode()
    status, headers, _ = post(st, "pages", body,
                              {"Content-Type": "application/json"})
    check("taken", status == 200 and NOTION not in str(headers), headers)
    check("the same process answered", "died" not in st.tail(200))
    one, = secrets(st, "pages")
    check("which", one["fingerprint"] == fingerprint(NOTION), one)
    check("revealed", st.tool("secret", "reveal", "pages",
                              one["secret"]).strip() == NOTION)
    body = b'{"id":"n1","type":"page.created"}'
    mac = hmac.new(NOTION.encode(), body, hashlib.sha256).hexdigest()
    status, _, text = post(st, "pages", body, {
        "X-Notion-Signature": f"sha256={mac}"})
    check("held", (status, json.loads(text)["status"]) == (200, "held"), text)
    activate_replaces_no_other(st)


def activate_replaces_no_other(st):
    """A second one takes the place of the first only when it is activated."""
    first, = secrets(st, "pages")
    st.tool("secret", "activate", "pages")
    st.tool("endpoint", "edit", "pages", "--expect-secret")
    for body in (b"", b"no JSON", b"{"):
        check("no secret", post(st, "pages", body)[0] == 401)
    body = json.dumps({"verification_token": NOTION + "2"}).encode()
    check("taken", post(st, "pages", body)[0] == 200)
    wrong = st.run("secret", "revoke", "pages", first["secret"], "--replace",
                   check=False)
    check("not unseen", wrong.returncode != 0 and
          "sent to the endpoint itself" in wrong.stderr, wrong)
    st.tool("secret", "activate", "pages")
    st.tool("secret", "revoke", "pages", first["secret"])
    states = {r["secret"]: r["state"] for r in secrets(st, "pages")}
    check("it is current", states.pop(first["secret"]) == "revoked" and
          list(states.values()) == ["current"], states)


def notion(st, secret, body, name):
    mac = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    status, _, text = post(st, name, body, {
        "X-Notion-Signature": f"sha256={mac}"})
    return status, json.loads(text).get("status") if text else None


def a_thief_keeps_nothing_out(st, sink):
    """What he sent under known ids is in the way of no genuine event."""
    st.tool("endpoint", "add", "claimed", "--scheme", "notion", "--on-held",
            "deliver", "--expect-secret", "5")
    body = b'{"id":"c1","type":"page.created"}'
    token = json.dumps({"verification_token": THIEF + "3"}).encode()
    check("the thief's", post(st, "claimed", token)[0] == 200)
    check("held", notion(st, THIEF + "3", body, "claimed") == (200, "held"))
    one, = secrets(st, "claimed")
    st.tool("secret", "revoke", "claimed", one["secret"])
    st.tool("endpoint", "edit", "claimed", "--expect-secret", "5")
    token = json.dumps({"verification_token": NOTION + "3"}).encode()
    check("the provider's", post(st, "claimed", token)[0] == 200)
    check("held", notion(st, NOTION + "3", body, "claimed") == (200, "held"))
    st.tool("secret", "activate", "claimed")
    check("known", notion(st, NOTION + "3", body, "claimed") ==
          (200, "duplicate"))
    check("once", len(events(st, "claimed")) == 1)
    held, = events(st, "claimed", "list", "--status", "held")
    said = st.run("event", "release", str(held["seq"]), check=False)
    check("not twice", said.returncode == 1 and
          "came again since" in said.stdout + said.stderr, said)
    st.tool("event", "drop", str(held["seq"]), "--yes")
    check("dropped", events(st, "claimed", "list", "--status", "held") == [])
    st.tool("deliver", "--once")
    check("delivered once", [r.body for r in sink.requests("/crm")
                             if b"c1" in r.body] == [body])


def unexpected_in_a_body(st):
    """One that comes while none is waited for is not kept in clear; what is
    refused for another reason is."""
    token = json.dumps({"verification_token": NOTION + "9"}).encode()
    check("refused", post(st, "claimed", token)[0] == 401)
    check("whatever stands before it",
          post(st, "claimed", b"\xef\xbb\xbf" + token)[0] == 401)
    check("other bodies", post(st, "claimed", b'{"id":"c9"}')[0] == 401)
    st.tool("endpoint", "edit", "claimed", "--max-body", "64")
    check("too large", post(st, "claimed", token)[0] == 413)
    st.tool("endpoint", "edit", "claimed", "--max-body", "1m")
    kept = [st.tool("event", "quarantine", "show", str(r["no"]))
            for r in st.rows("event", "quarantine", "list") if "no" in r]
    check("some are kept", any("c9" in shown for shown in kept), kept)


def told_and_not_leaked(st):
    trail = [r for r in st.rows("store", "audit")
             if r["verb"] == "secret.receive"]
    check("each is in the audit trail", len(trail) == 7, trail)
    check("with its address", trail[0]["detail"]["from"] == "127.0.0.1",
          trail[0])
    wait_for("the notice", SOON_S, lambda: [
        r for r in st.rows("event", "list", "--endpoint", "eyelet")
        if r.get("type") == "secret.received"])
    with open(st.log, errors="replace") as f:
        log = f.read()
    check("the log has the word", "verdict=secret-received" in log)
    for secret in (ASANA, THIEF, NOTION):
        check("and no secret", secret not in log)
        check("nor has the trail", secret not in json.dumps(trail))
        for row in st.rows("event", "quarantine", "list"):
            if "no" in row:
                shown = st.tool("event", "quarantine", "show", str(row["no"]))
                check("nor the quarantine", secret not in shown, shown)


def main():
    with DeliverStand() as st, Sink() as sink:
        st.tool("endpoint", "add", "tasks", "--scheme", "asana")
        st.tool("destination", "add", "crm", "--url", sink.url("/crm"),
                "--allow-net", "127.0.0.0/8", "--allow-http", "--endpoints",
                "tasks,raced,claimed")
        closed_at_first(st)
        taken_and_echoed(st, sink)
        held_until_activated(st, sink)
        a_thief_is_seen(st, sink)
        addresses_and_time(st)
        in_a_body(st)
        a_thief_keeps_nothing_out(st, sink)
        unexpected_in_a_body(st)
        told_and_not_leaked(st)
    return 0


if __name__ == "__main__":
    sys.exit(main())
