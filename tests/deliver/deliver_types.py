#!/usr/bin/env python3
"""A batch is selected by any of its elements' types, at endpoints, at
destinations and by readers. What cannot be read is never ignored and never
passed over: an endpoint keeps it, a destination that selects by type has a
dead letter, which the command that it names delivers."""
import os
import base64
import hashlib
import hmac
import json
import shlex
import subprocess
import sys
import time

sys.dont_write_bytecode = True

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from deliver_stand import DeliverStand, Sink, check, wait_for

SECRET = "a-secret-of-batches-0123456789"
PUBLIC_URL = "https://hooks.example/hooks/hubspot"
UNREADABLE = None  # in place of a type: an element has none
numbers = iter(range(1, 10000))


def base64_hmac(secret, data):
    return base64.b64encode(hmac.new(secret.encode(), data,
                                     hashlib.sha256).digest()).decode()


class Preset:
    """A scheme with batches; its types, and where an element has its own."""
    status, secret, settings = 200, SECRET, []

    def element(self, word):
        made = {self.type: word, **self.fields(next(numbers))}
        if word is UNREADABLE:
            del made[self.type]
        return made

    def body(self, words):
        made = [self.element(word) for word in words]
        return json.dumps({self.at: made} if self.at else made).encode()

    def query(self):
        return ""


class Line(Preset):
    scheme, type, at = "line", "type", "events"
    other, wanted = "message", "follow"

    def fields(self, n):
        return {"webhookEventId": f"01H{n}"}

    def headers(self, body):
        return {"X-Line-Signature": base64_hmac(self.secret, body)}


class Hubspot(Preset):
    scheme, type, at = "hubspot-v3", "subscriptionType", ""
    other, wanted = "contact.creation", "deal.creation"
    settings = ["--public-url", PUBLIC_URL]

    def fields(self, n):
        return {"portalId": 1, "subscriptionId": 2, "eventId": n,
                "objectId": 4, "occurredAt": 1700000000000}

    def headers(self, body):
        now = str(int(time.time() * 1000))
        signed = b"POST" + PUBLIC_URL.encode() + body + now.encode()
        return {"X-HubSpot-Signature-v3": base64_hmac(self.secret, signed),
                "X-HubSpot-Request-Timestamp": now}


class EventGrid(Preset):
    scheme, type, at = "event-grid", "eventType", ""
    other, wanted = "Microsoft.Storage.BlobCreated", "Shop.OrderPaid"

    def fields(self, n):
        return {"topic": "/t", "id": str(n)}

    def headers(self, body):
        return {}

    def query(self):
        return f"?token={SECRET}"


class Graph(Preset):
    scheme, type, at, status = "microsoft-graph", "changeType", "value", 202
    other, wanted = "updated", "deleted"

    def fields(self, n):
        return {"clientState": SECRET, "resource": f"users/{n}"}

    def headers(self, body):
        return {}


class SendGrid(Preset):
    scheme, type, at = "sendgrid", "event", ""
    other, wanted = "delivered", "bounce"

    def __init__(self, folder):
        self.key = f"{folder}/sendgrid.pem"
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey",
                        "-noout", "-out", self.key], check=True)
        self.secret = base64.b64encode(subprocess.check_output(
            ["openssl", "ec", "-in", self.key, "-pubout", "-outform", "DER"],
            stderr=subprocess.DEVNULL)).decode()

    def fields(self, n):
        return {"sg_event_id": f"e{n}"}

    def headers(self, body):
        now = str(int(time.time()))
        mac = subprocess.check_output(
            ["openssl", "dgst", "-sha256", "-sign", self.key],
            input=now.encode() + body)
        return {"X-Twilio-Email-Event-Webhook-Signature":
                base64.b64encode(mac).decode(),
                "X-Twilio-Email-Event-Webhook-Timestamp": now}


def post(st, preset, endpoint, *words):
    """What the answer calls a batch of elements of these types (some senders
    get none: None), and its body."""
    body = preset.body(words)
    lines = "".join(f"{k}: {v}\r\n" for k, v in preset.headers(body).items())
    status, _, answer = st.http(
        f"POST /hooks/{endpoint}{preset.query()} HTTP/1.1\r\nHost: stand\r\n"
        f"Content-Type: application/json\r\n{lines}"
        f"Content-Length: {len(body)}\r\n", body)
    if status != preset.status:
        return status, body
    return json.loads(answer or "{}").get("status"), body


def add(st, preset, name, events=None):
    path = f"{st.top}/{name}.secret"
    with open(path, "w", encoding="ascii") as f:
        f.write(preset.secret)
    st.own(path)
    st.tool("endpoint", "add", name, "--scheme", preset.scheme,
            "--secret-file", path, *preset.settings,
            *(["--events", events] if events else []))


def kept(st, endpoint):
    """How many events an endpoint has."""
    return len(list(st.rows("event", "list", "--endpoint", endpoint,
                            "--limit", "0")))


def bodies(sink, path):
    return [r.body for r in sink.requests(path)]


def dead(st, destination):
    return list(st.rows("event", "dead", "list", "--destination", destination,
                        "--reason", "type unknown"))


def said(st, destination):
    """What eyelet's own events say of its dead letters."""
    data = [json.loads(r["body"])["data"] for r in st.rows(
        "event", "export", "--endpoint", "eyelet", "--type", "delivery.dead")]
    return [d for d in data if d["destination"] == destination]


def an_endpoint_selects(st, sink, preset):
    """Any element's type; what cannot be read is kept, not ignored."""
    name, p = preset.scheme, preset
    add(st, p, name, p.wanted)
    for want, words in (("ignored", [p.other, p.other]),
                        ("ignored", [p.other]),
                        ("accepted", [p.other, p.wanted]),
                        ("accepted", [p.wanted, p.other]),
                        ("accepted", [p.other, UNREADABLE]),
                        ("accepted", [UNREADABLE])):
        before = kept(st, name)
        got, _ = post(st, p, name, *words)
        check(f"{name}: {words}", got in (want, None), got)
        check(f"{name}: {words}", kept(st, name) - before
              == (want == "accepted"), want)


def a_destination_selects(st, sink, preset):
    name, p = f"{preset.scheme}-all", preset
    path = f"/{name}"
    add(st, p, name)
    st.destination(name, sink.url(path), endpoints=name, events=p.wanted)
    sent = {}
    for word, words in (("other", [p.other, p.other]),
                        ("second", [p.other, p.wanted]),
                        ("part", [p.other, UNREADABLE]),
                        ("none", [UNREADABLE]),
                        ("first", [p.wanted, UNREADABLE])):
        got, sent[word] = post(st, p, name, *words)
        check(f"{name}: {words}", got in ("accepted", None), got)
    figures = st.once()
    check(name, figures["dead"] == 2 and figures["delivered"] == 2, figures)
    check(name, sorted(bodies(sink, path))
          == sorted([sent["second"], sent["first"]]), bodies(sink, path))
    rows = dead(st, name)
    check(name, len(rows) == 2, rows)
    wait_for("they are told of", 60, lambda: len(said(st, name)) == 2)
    check(name, {d["reason"] for d in said(st, name)} == {"type unknown"})
    # Each says what happened, why, and what delivers it: that does.
    for row, begin in zip(rows, ("no type", "not every type")):
        check(name, row["words"].startswith(f"{begin} could be read, and the "
                                            "destination selects by type"),
              row)
        check(name, row["attempts_made"] == 0, row)
        command = shlex.split(row["words"].rpartition(": ")[2])
        check(name, command[0] == "eyelet-event", command)
        st.tool("event", *command[1:])
    st.once()
    check(name, sorted(bodies(sink, path)[2:])
          == sorted([sent["part"], sent["none"]]), bodies(sink, path))
    check("none is dead any more", dead(st, name) == [])
    # It is not made dead again by whoever reads the log anew.
    check("that was all", set(st.once().values()) == {0})
    st.op("destination.remove", destination=name)


def records_have_all_types(st, sink, preset):
    p = preset
    rows = [r for r in st.rows("event", "export", "--endpoint",
                               f"{p.scheme}-all")]
    got = [(r["type"], r["types"], r["types_complete"]) for r in rows]
    check(p.scheme, got == [
        (p.other, [p.other], True),
        (p.other, [p.other, p.wanted], True),
        (p.other, [p.other], False),
        (None, [], False),
        (p.wanted, [p.wanted], False)], got)
    shown, = st.rows("event", "show", str(rows[1]["seq"]))
    check(p.scheme, shown["types"] == [p.other, p.wanted], shown)
    words = st.tool("event", "show", str(rows[1]["seq"]))
    check(p.scheme, f"{p.other} {p.wanted}" in words, words)
    words = st.tool("event", "show", str(rows[2]["seq"]))
    check(p.scheme, "more types than could be read" in words, words)


def readers_select(st, sink, preset):
    """A cursor gives what it may want; filters take what they could read."""
    p, name = preset, f"{preset.scheme}-all"
    first = next(st.rows("event", "export", "--endpoint", name))["seq"]
    got = [r["seq"] - first for r in map(json.loads, st.tool(
        "event", "read", "--cursor", name, "--endpoint", name, "--type",
        p.wanted, "--from", "start").splitlines()) if "seq" in r]
    check("cursor", got == [1, 2, 3, 4], got)
    got = [r["seq"] - first for r in st.rows(
        "event", "list", "--endpoint", name, "--type", p.wanted)]
    check("list", sorted(got) == [1, 4], got)
    # A replay by type takes a batch by its second; so do dead letters.
    path = f"/{name}-again"
    sink.answers(path, 500)
    st.destination("again", sink.url(path), endpoints=name, retry="none")
    st.tool("event", "replay", "--endpoint", name, "--type", p.wanted)
    st.once()
    check("replayed", len(sink.requests(path)) == 2)
    got = [r["seq"] - first for r in st.rows(
        "event", "list", "--status", "dead", "--destination", "again",
        "--type", p.wanted)]
    check("dead", sorted(got) == [1, 4], got)
    # One that is named, at a destination that cannot know.
    st.op("destination.edit", destination="again",
          settings={"events": p.wanted})
    sink.answers(path, 200)
    st.tool("event", "replay", str(first + 2), str(first))
    st.once()
    check("the one that may be its own", len(sink.requests(path)) == 3)
    st.op("destination.remove", destination="again")


def admitting_selects(st, sink, preset):
    """A refused request is judged as one that comes."""
    p = preset
    new = "another-secret-0123456789"
    add(st, p, "late", p.wanted)
    p.secret, old = new, p.secret
    for words in ([p.other], [p.other, p.wanted], [p.other, UNREADABLE]):
        status, _ = post(st, p, "late", *words)
        check("refused", status == 401, status)
    p.secret = old
    st.tool("secret", "stage", "late", "--secret-file", "-",
            stdin=new + "\n")
    numbers = [str(r["no"]) for r in st.rows("event", "quarantine", "list",
                                             "--endpoint", "late")]
    none, *some = sorted(numbers, key=int)
    done = st.run("event", "quarantine", "admit", none, check=False)
    check("not selected", done.returncode == 65
          and "events of its type are not selected" in done.stderr, done)
    for number in some:
        row, = st.rows("event", "quarantine", "admit", number)
        check("admitted", row["outcome"] == "accepted", row)


class Telegram(Preset):
    """Knows no types."""
    scheme = "telegram"

    def body(self, words):
        return json.dumps({"update_id": next(numbers)}).encode()

    def headers(self, body):
        return {"X-Telegram-Bot-Api-Secret-Token": self.secret}


def without_types(st, sink, preset):
    """Who selects by types that a scheme does not have is told, and gets what
    the words say."""
    p, name = preset, preset.scheme
    path = f"{st.top}/{name}.secret"
    with open(path, "w", encoding="ascii") as f:
        f.write(p.secret)
    st.own(path)
    made = ("endpoint", "add", name, "--scheme", name, "--secret-file", path)
    done = st.run(*made, "--events", "order.*")
    check("told", "knows no types" in done.stderr, done.stderr)
    post(st, p, name)
    check("kept", kept(st, name) == 1)
    done = st.run("endpoint", "edit", name, "--events", "*")
    check("no word", "knows no types" not in done.stderr, done.stderr)
    for endpoints in ({"endpoints": name}, {}):
        row = st.destination("picky", sink.url("/picky"), events="order.*",
                             **endpoints)
        check("told", any(f'"{name}" have no types' in w
                          for w in row["warnings"]), row)
        post(st, p, name)
        st.once()
        check("dead", len(dead(st, "picky")) == 1)
        # The cures that the page names.
        st.op("destination.edit", destination="picky",
              settings={"events": "*"})
        post(st, p, name)
        check("sent", st.once()["delivered"] == 1)
        row, = st.op("destination.edit", destination="picky", settings={
            "events": "order.*", "endpoints": "line"})
        check("no word", not any("no types" in w for w in row["warnings"]),
              row)
        post(st, p, name)
        check("none", set(st.once().values()) == {0})
        st.op("destination.remove", destination="picky")


def main():
    with DeliverStand() as st, Sink() as sink:
        presets = [Line(), Hubspot(), EventGrid(), Graph(), SendGrid(st.top)]
        for preset in presets:
            an_endpoint_selects(st, sink, preset)
            a_destination_selects(st, sink, preset)
            records_have_all_types(st, sink, preset)
        readers_select(st, sink, presets[0])
        admitting_selects(st, sink, presets[0])
        without_types(st, sink, Telegram())
    return 0


sys.exit(main())
