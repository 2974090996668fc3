#!/usr/bin/env python3
"""Operators act on deliveries by eyelet-event while a deliverer runs: what
they retry goes out now, what they skip or park blocks nobody, and a replay is
made once, whoever dies over it."""
import os
import json
import subprocess
import sys
import time

sys.dont_write_bytecode = True

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from deliver_stand import check, ids, run_parts, wait_for
from stand import CALL_S, effort, end_load

SOON_S = 60


def rows(st, *args):
    return [json.loads(line) for line in
            st.tool("event", *args, "--json").splitlines()]


def seq_of(st, event_id):
    return rows(st, "show", "--id", event_id)[0]["seq"]


def state_of(st, event_id, name):
    """What show says of a delivery."""
    for d in rows(st, "show", "--id", event_id)[0]["deliveries"]:
        if d["destination"] == name:
            return d
    return {"state": None}


def wait_state(st, event_id, name, state):
    wait_for(f"{event_id} at {name}: {state}", SOON_S,
             lambda: state_of(st, event_id, name)["state"] == state, 0.05)


def stuck(st, sink, ca, name, **settings):
    """A destination whose first event fails for an hour, and two behind."""
    st.destination(name, sink.url(f"/{name}"), ca=ca.file, retry="1h",
                   **settings)
    sink.answers(f"/{name}", 500, 200)
    events = [f"{name}_{n}" for n in range(3)]
    st.accept(events[0])
    wait_state(st, events[0], name, "retrying")
    st.accept(*events[1:])
    time.sleep(0.5)
    check("they wait", ids(sink.requests(f"/{name}")) == events[:1],
          ids(sink.requests(f"/{name}")))
    return events


def a_skipped_head_blocks_nobody(st, sink, ca):
    for name, order in (("skip", "strict"), ("skipkey", "key:json:/topic")):
        events = stuck(st, sink, ca, name, order=order)
        head = seq_of(st, events[0])
        done = rows(st, "skip", str(head), "--destination", name)[0]
        check("skipped", done["outcome"] == "skipped", done)
        got = ids(sink.wait(3, f"/{name}"))
        check("the others came", got == events, got)
        gone = state_of(st, events[0], name)
        check("a dead letter", (gone["state"], gone["reason"])
              == ("dead", "skipped"), gone)
        st.op("destination.remove", destination=name)


def a_parked_head_waits_for_its_retry(st, sink, ca):
    events = stuck(st, sink, ca, "park", order="strict")
    head = seq_of(st, events[0])
    st.tool("event", "park", str(head), "--destination", "park")
    sink.wait(3, "/park")
    wait_state(st, events[2], "park", "delivered")
    check("it is parked", state_of(st, events[0], "park")["state"] == "parked")
    st.tool("event", "retry", str(head), "--destination", "park")
    got = ids(sink.wait(4, "/park"))
    check("then it came", got == [events[0], events[1], events[2], events[0]],
          got)
    wait_state(st, events[0], "park", "delivered")
    st.op("destination.remove", destination="park")


def a_retry_goes_out_now(st, sink, ca):
    events = stuck(st, sink, ca, "again", order="strict")
    st.tool("event", "retry", "--destination", "again")
    got = sink.wait(4, "/again")
    check("in order", ids(got) == [events[0], *events], ids(got))
    check("as the second attempt",
          got[1].headers["eyelet-attempt"] == "2", got[1].headers)
    wait_state(st, events[0], "again", "delivered")
    tries = state_of(st, events[0], "again")["attempts"]
    check("both are told of", [(t["no"], t["result"], t["status"])
                               for t in tries]
          == [(1, "failed", 500), (2, "delivered", 200)], tries)
    st.op("destination.remove", destination="again")


def dead_letters_go_out_again(st, sink, ca):
    st.destination("dead", sink.url("/dead"), ca=ca.file, retry="none")
    sink.answers("/dead", 500, 500, 500, 200)
    events = [f"dead_{n}" for n in range(3)]
    st.accept(*events)
    st.wait_counts("dead", dead=3)
    listed = rows(st, "dead", "list", "--destination", "dead")
    check("listed", [r["id"] for r in listed] == events[::-1], listed)
    done = rows(st, "dead", "retry", "--destination", "dead",
                "--reason", "exhausted")
    check("retried", done[0]["deliveries"] == 3, done)
    sink.wait(6, "/dead")
    st.wait_counts("dead", dead=0, pending=0, retrying=0)
    for event_id in events:
        wait_state(st, event_id, "dead", "delivered")
    st.op("destination.remove", destination="dead")


def a_replay_is_made_once(st, sink, ca):
    st.destination("rep", sink.url("/rep"), ca=ca.file)
    events = [f"rep_{n}" for n in range(10)]
    st.accept(*events)
    sink.wait(10, "/rep")
    wait_state(st, events[-1], "rep", "delivered")
    first, last = seq_of(st, events[0]), seq_of(st, events[-1])
    ask = ["replay", "--from-seq", str(first), "--to-seq", str(last),
           "--destination", "rep", "--request-id", "0123456789abcdef" * 2]
    done = rows(st, *ask)
    check("replayed", done[0]["replayed"] == 10, done)
    got = ids(sink.wait(20, "/rep"))
    check("each once more", sorted(got) == sorted(events * 2), got)
    st.wait_counts("rep", pending=0, retrying=0)
    again = rows(st, *ask)
    check("the same answer", again == done, again)
    time.sleep(1)
    check("nothing came", len(sink.requests("/rep")) == 20)
    st.op("destination.remove", destination="rep")


def a_replay_outlives_owners(st, sink, ca):
    """Killed in the midst of it: the program goes on where it was."""
    want = effort(1200, 3000, 20000)
    end_load(st.load("many", count=want, connections=8), leave=False)
    st.destination("late", sink.url("/late"), ca=ca.file)
    st.op("destination.pause", destination="late")
    held = sum(1 for row in st.rows("event", "list", "--limit", "0")
               if row["endpoint"] == "shop")
    replay = subprocess.Popen(
        [st.tool_path("event"), "-c", st.conf, "replay", "--from-seq", "1",
         "--destination", "late", "--json"], env=st.env, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for _ in range(3):
        time.sleep(0.1)
        st.kill_and_wait(st.processes())
        wait_for("an owner", SOON_S, st.answers)
    said, words = replay.communicate(timeout=CALL_S)
    check("it ends well", replay.returncode == 0, words)
    done = json.loads(said.splitlines()[-2])
    check("all of it", done["replayed"] + done["waiting"] == held,
          done, held)
    st.wait_counts("late", pending=held)
    st.op("destination.resume", destination="late")
    st.wait_counts("late", seconds=CALL_S, pending=0, retrying=0, dead=0)
    got = ids(sink.requests("/late"))
    check("each came", len(set(got)) == held, len(set(got)), held)
    check("and once", len(got) == held, len(got), held)


if __name__ == "__main__":
    sys.exit(run_parts([
        a_skipped_head_blocks_nobody, a_parked_head_waits_for_its_retry,
        a_retry_goes_out_now, dead_letters_go_out_again,
        a_replay_is_made_once, a_replay_outlives_owners]))
