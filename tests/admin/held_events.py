#!/usr/bin/env python3
"""A captured GitHub request is held: it is answered, stored and not delivered,
until an operator releases it, by the built programs and a real lighttpd."""
import os
import hashlib
import hmac
import json
import sys

sys.dont_write_bytecode = True

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from deliver_stand import (DeliverStand, SECRET, SOON_S, Sink, check,
                           wait_for)

URL = "/crm"
KEPT = 20  # copies of one content


def body(n):
    return json.dumps({"ref": f"refs/heads/{n}", "after": n * 40}).encode()


def github(st, delivery, content, event="push", endpoint="hub"):
    """Status and word of the answer to a request that GitHub may have sent."""
    mac = hmac.new(SECRET.encode(), content, hashlib.sha256).hexdigest()
    status, _, text = st.http(
        f"POST /hooks/{endpoint} HTTP/1.1\r\nHost: stand\r\n"
        f"X-GitHub-Event: {event}\r\nX-GitHub-Delivery: {delivery}\r\n"
        f"X-Hub-Signature-256: sha256={mac}\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n", content)
    word = json.loads(text).get("status") if status == 200 else None
    return status, word


def held(st, status="held"):
    return [r["seq"] for r in st.rows(
        "event", "list", "--status", status, "--endpoint", "hub",
        "--limit", "0") if "seq" in r]


def events(st, verb="list"):
    return [r["seq"] for r in st.rows("event", verb, "--endpoint", "hub")
            if "seq" in r]


def show(st, seq):
    return [r for r in st.rows("event", "show", str(seq)) if "seq" in r][0]


def got(sink):
    return [r.body for r in sink.requests(URL)]


def refused(st, status, words, *args):
    done = st.run("event", *args, check=False)
    check(f"{args}: status {status}", done.returncode == status, done)
    for word in words:
        check(f"{args}: says \"{word}\"", word in done.stdout + done.stderr,
              done)


def a_captured_copy_is_held(st, sink):
    check("the first is accepted",
          github(st, "d-1", body("a")) == (200, "accepted"))
    sink.wait(1, URL)
    for _ in range(2):
        answer = github(st, "d-2", body("a"))
        check("a captured copy is answered with 200", answer[0] == 200, answer)
    check("one is held", len(held(st)) == 1, held(st))
    seq = held(st)[0]
    row = show(st, seq)
    check("its status", row["status"] == "held", row)
    check("why", row["held_reason"] == "same content under another id", row)
    check("what it repeats", row["repeats"] == events(st)[0], row)
    check("how many are kept",
          (row["repeats_kept"], row["repeats_counted"]) == (1, 0), row)
    check("that it came again", row["duplicates"] == 1, row)
    check("that no destination has it", row["deliveries"] == [], row)
    check("when it expires", row["expires_at"] > row["received_at"], row)
    words = st.tool("event", "show", str(seq))
    for word in ("same content under another id", "status", "held",
                 f"eyelet-event release {seq}", f"eyelet-event drop {seq}"):
        check(f"show says \"{word}\"", word in words, words)
    check("found by its id", [r["seq"] for r in st.rows(
        "event", "show", "--id", "d-2") if "seq" in r] == [seq])
    words = st.tool("event", "show", "--id", "d-1")
    check("nothing is said of holding where nothing was held",
          "because" not in words and "repeats" not in words, words)
    for noun, verb in (("endpoint", ("show", "hub")), ("endpoint", ("list",)),
                       ("store", ("status",)), ("event", ("stats",))):
        row = [r for r in st.rows(noun, *verb)
               if r.get("endpoint") in (None, "hub") and "held" in r][0]
        check(f"{noun} {verb[0]} counts it", row["held"]["count"] == 1 and
              row["held"]["bytes"] > 0, row)
        check(f"{noun} {verb[0]} shows it", "held" in st.tool(noun, *verb).lower())
    words = st.tool("event", "list", "--status", "held")
    check("list shows why", "same content under another id" in words, words)
    for verb in ("list", "tail", "export"):
        check(f"{verb} leaves it out", seq not in events(st, verb))
    row = [r for r in st.rows("event", "export", "--status", "held")
           if "seq" in r]
    check("export has it where it is asked for",
          [r["body"].encode() for r in row] == [body("a")], row)
    refused(st, 65, [f"event {seq} is held", f"eyelet-event release {seq}"],
            "replay", str(seq))
    refused(st, 64, ["eyelet-event release"], "replay", "--since", "1d",
            "--status", "held")
    refused(st, 1, [f"eyelet-event release {seq}"], "retry", str(seq))
    check("nothing more was delivered", len(got(sink)) == 1, got(sink))
    return seq


def a_release_delivers_it_once(st, sink, seq):
    new = json.loads(st.tool("event", "release", str(seq), "--json"))
    check("the answer", (new["seq"], new["outcome"]) == (seq, "released"), new)
    new = new["released_as"]
    check("it is delivered", sink.wait(2, URL)[1].body == body("a"))
    row = show(st, new)
    check("where it is from", row["released_from"] == seq and
          row["status"] == "accepted" and
          row["headers"][-1].startswith(f"eyelet-released: event {seq}, held"),
          row)
    row = show(st, seq)
    check("what it became", (row["status"], row["released_as"],
                             row["expires_at"]) == ("released", new, None), row)
    check("the audit trail", [(r["target"], r["detail"]["seq"],
                               r["detail"]["released_as"]) for r in st.rows(
        "store", "audit") if r.get("verb") == "event.release"] ==
        [("hub", seq, new)])
    refused(st, 1, ["was released already", f"as event {new}"],
            "release", str(seq))
    refused(st, 1, ["was released already"], "drop", str(seq), "--yes")
    refused(st, 65, [f"name event {new}"], "replay", str(seq))
    check("a retry of it is a duplicate",
          github(st, "d-2", body("a")) == (200, "duplicate"))
    check("it is listed as released", held(st, "released") == [seq])
    check("none is held any more", held(st) == [])


def a_dropped_one_is_gone_for_good(st, sink):
    before = len(got(sink))
    github(st, "d-3", body("a"))
    seq = held(st)[0]
    refused(st, 64, ["--yes"], "drop", str(seq))
    check("it waits until it is certain", held(st) == [seq])
    row = json.loads(st.tool("event", "drop", str(seq), "--yes", "--json"))
    check("the answer", row["outcome"] == "dropped", row)
    check("it is listed as dropped", held(st, "dropped") == [seq])
    check("its status", show(st, seq)["status"] == "dropped")
    check("a retry of it is a duplicate",
          github(st, "d-3", body("a")) == (200, "duplicate"))
    refused(st, 1, ["was dropped already"], "release", str(seq))
    refused(st, 65, ["is dropped"], "replay", str(seq))
    check("nothing was delivered", len(got(sink)) == before)


def all_of_an_endpoint(st, sink):
    before = len(got(sink))
    for n in "bcd":
        check("accepted", github(st, f"e-{n}", body(n)) == (200, "accepted"))
        check("held", github(st, f"f-{n}", body(n))[0] == 200)
    sink.wait(before + 3, URL)
    check("three are held", len(held(st)) == 3, held(st))
    refused(st, 64, ["--all and --endpoint"], "release", "--all")
    refused(st, 64, ["by their seqs"], "release")
    refused(st, 64, ["go together"], "drop", "--endpoint", "hub", "--yes")
    refused(st, 66, ["no endpoint", "hub"], "release", "--all", "--endpoint",
            "hubb")
    row = json.loads(st.tool("event", "drop", str(held(st)[0]), "--yes",
                             "--json"))
    check("one is dropped", row["outcome"] == "dropped", row)
    row = [r for r in map(json.loads, st.tool(
        "event", "release", "--all", "--endpoint", "hub",
        "--json").splitlines()) if "outcome" in r]
    check("two are released", (row[0]["outcome"], row[0]["events"]) ==
          ("released", 2), row)
    sink.wait(before + 5, URL)
    check("none is held any more", held(st) == [])
    refused(st, 1, ["is not held"], "release", str(events(st)[0]))
    refused(st, 1, ["no event 99999"], "release", "99999")
    return "bc"  # the newest of the three was dropped


def many_copies_are_counted(st):
    check("accepted", github(st, "g-0", body("e")) == (200, "accepted"))
    for i in range(1, KEPT + 3):
        check("held", github(st, f"g-{i}", body("e"))[0] == 200)
    check("so many are kept", len(held(st)) == KEPT, held(st))
    row = show(st, held(st)[0])
    check("and the others counted",
          (row["repeats_kept"], row["repeats_counted"]) == (KEPT, 2), row)
    words = st.tool("event", "show", str(row["seq"]))
    check("show says so", "only counted" in words, words)
    st.tool("event", "drop", "--all", "--endpoint", "hub", "--yes")
    check("all are dropped", held(st) == [])


def an_event_says_that_some_are_held(st):
    told = []

    def is_told():
        told[:] = [json.loads(r["body"])["data"] for r in st.rows(
            "event", "export", "--endpoint", "eyelet", "--type", "event.held")
            if "seq" in r]
        return told
    wait_for("event.held", SOON_S, is_told, step=0.5)
    check("which endpoint", told[0]["endpoint"] == "hub", told)
    check("why", "same content under another id" in told[0]["why"], told)
    # What it says to do can be done.
    noun, *command = told[0]["do"].split(",")[0].split()
    check("what to do", noun == "eyelet-event", told)
    check("it is listed there", told[0]["seq"] in [
        r["seq"] for r in st.rows("event", *command) if "seq" in r], told)


def restart(st):
    st.stop()
    st.start()


def main():
    with Sink() as sink, DeliverStand() as st:
        st.tool("endpoint", "add", "hub", "--scheme", "github",
                "--secret-file", f"{st.top}/secret")
        st.destination("crm", sink.url(URL), endpoints="hub")
        st.deliver()
        seq = a_captured_copy_is_held(st, sink)
        an_event_says_that_some_are_held(st)
        restart(st)
        check("a restart keeps it", held(st) == [seq])
        check("and what repeats it", github(st, "d-2", body("a"))[0] == 200 and
              held(st) == [seq])
        a_release_delivers_it_once(st, sink, seq)
        a_dropped_one_is_gone_for_good(st, sink)
        restart(st)
        check("a restart keeps what became of them",
              len(held(st, "dropped")) == 1 and held(st, "released") == [seq])
        released = all_of_an_endpoint(st, sink)
        check("each was delivered once but for the released ones",
              sorted(got(sink)) == sorted(
                  2 * [body("a")] + [body(n) for n in "bcd"] +
                  [body(n) for n in released]), got(sink))
        many_copies_are_counted(st)
        check("the store is sound", list(st.rows("store", "check"))[-1] ==
              {"problems": 0})


main()
