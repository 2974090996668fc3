#!/usr/bin/env python3
"""When events go out, and with which signature: order, limits, pauses,
breakers, rotations. One deliverer serves all destinations, which change under
it."""
import os
import hashlib
import hmac
import json
import sys
import threading
import time

sys.dont_write_bytecode = True

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from deliver_stand import check, ids, run_parts, signatures, wait_for


def a_pause_queues(st, sink, ca):
    st.destination("later", sink.url("/later"), ca=ca.file)
    st.op("destination.pause", destination="later")
    st.wait_words("destination=later is off")
    names = [f"evt_p{i}" for i in range(20)]
    st.accept(*names)
    check("none came", sink.requests("/later") == [])
    st.op("destination.resume", destination="later")
    got = ids(sink.wait(20, "/later"))
    check("all came", sorted(got) == sorted(names), got)
    st.op("destination.remove", destination="later")


def an_order_is_kept(st, sink, ca):
    """strict: nothing passes a head that fails. key: only those of its key."""
    st.destination("strict", sink.url("/strict"), ca=ca.file, order="strict")
    sink.answers("/strict", 500, 500, 200)
    st.accept("evt_s1", "evt_s2", "evt_s3")
    got = ids(sink.wait(5, "/strict"))
    check("strict", got == ["evt_s1"] * 3 + ["evt_s2", "evt_s3"], got)
    st.op("destination.remove", destination="strict")
    for key in ("json:/customer", "header:X-Customer"):
        path = f"/{key.partition(':')[0]}"
        st.destination("keyed", sink.url(path), ca=ca.file,
                       order=f"key:{key}")
        sink.answers(path, lambda r: 200 if r.headers["webhook-id"][-2] != "a"
                     or int(r.headers["eyelet-attempt"]) > 1 else 500)
        for name in ("a1", "b1", "a2", "b2"):
            st.post_with(f"evt_{path[1:]}_{name}", {"X-Customer": name[0]},
                         json.dumps({"id": f"evt_{path[1:]}_{name}",
                                     "topic": "a.b", "customer": name[0]})
                         .encode())
        got = [name.rpartition("_")[2] for name in ids(sink.wait(6, path))]
        check(key, [n for n in got if n[0] == "a"]
              == ["a1", "a1", "a2", "a2"], got)
        check(key, got.index("b2") < got.index("a2"), got)
        st.op("destination.remove", destination="keyed")


def limits_are_kept(st, sink, ca):
    """As many at once as the destination allows, and as many a second."""
    st.destination("two", sink.url("/two"), ca=ca.file, concurrency=2)
    lock, now, most = threading.Lock(), [0], [0]

    def slow(_):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.3)
        with lock:
            now[0] -= 1
        return 200

    sink.answers("/two", slow)
    st.accept(*[f"evt_two{i}" for i in range(8)])
    sink.wait(8, "/two")
    st.op("destination.remove", destination="two")
    check("two at once", most[0] == 2, most)
    st.destination("rate", sink.url("/rate"), ca=ca.file, rate=4)
    st.accept(*[f"evt_rate{i}" for i in range(14)])
    got = sink.wait(14, "/rate")
    check("four a second", got[-1].at - got[0].at > 1.8,
          got[-1].at - got[0].at)
    st.op("destination.remove", destination="rate")


def secrets_change_while_it_delivers(st, sink, ca):
    """Both sign while the grace lasts, without a restart; then one."""
    added = st.destination("rotated", sink.url("/rotated"), ca=ca.file)
    st.accept("evt_r1")
    sink.wait(1, "/rotated")
    new = st.op("secret.rotate", destination="rotated", grace_s=3600)[0]
    st.accept("evt_r2")
    second = sink.wait(2, "/rotated")[1]
    check("the new one signs", signatures(new["value"], second) == 1)
    check("the old one too", signatures(added["value"], second) == 1)
    st.op("secret.expire", destination="rotated", secret=added["secret"])
    st.accept("evt_r3")
    third = sink.wait(3, "/rotated")[2]
    check("the new one", signatures(new["value"], third) == 1)
    check("the old one no more", signatures(added["value"], third) == 0)
    # The last one revoked: it waits, rather than go out unsigned.
    st.op("secret.revoke", destination="rotated", secret=new["secret"])
    st.wait_words("delivery=waits destination=rotated")
    st.accept("evt_r4")
    last = st.op("secret.rotate", destination="rotated", grace_s=0)[0]
    fourth = sink.wait(4, "/rotated")[3]
    check("signed", signatures(last["value"], fourth) == 1)
    # Where one signature has room the old one signs until its end.
    one = st.destination("single", sink.url("/single"), ca=ca.file,
                         sign="github")
    st.op("secret.rotate", destination="single", grace_s=3600)
    st.accept("evt_r5")
    got = sink.wait(1, "/single")[0]
    mac = hmac.new(one["value"].encode(), got.body, hashlib.sha256)
    check("the old one alone", got.headers["x-hub-signature-256"]
          == "sha256=" + mac.hexdigest(), got.headers)
    for name in ("rotated", "single"):
        st.op("destination.remove", destination=name)


def a_breaker_opens(st, sink, ca):
    """After five failures in a row only probes go out; the rest waits."""
    st.destination("broken", sink.url("/broken"), ca=ca.file, retry="none",
                   concurrency=1)
    sink.answers("/broken", 500)
    st.accept(*[f"evt_b{i}" for i in range(30)])
    sink.wait(5, "/broken")
    time.sleep(2)
    came = len(sink.requests("/broken"))
    check("the rest waits", came < 10, came)
    sink.answers("/broken", 200)
    sink.wait(30, "/broken", 120)
    st.op("destination.remove", destination="broken")


def nothing_but_failures_disables(st, sink, ca):
    """Once they have lasted as long as the destination allows."""
    st.destination("failing", sink.url("/failing"), ca=ca.file,
                   retry=",".join(["1s"] * 60), disable_after=3)
    sink.answers("/failing", 500)
    st.accept("evt_f1")
    st.wait_words("delivery=disabled destination=failing")
    wait_for("it is disabled", 60,
             lambda: st.show("failing")["state"] == "disabled", 0.05)
    came = sink.requests("/failing")
    check("not at once", came[-1].at - came[0].at > 1.8, len(came))
    sink.answers("/failing", 200)
    st.op("destination.resume", destination="failing")
    got = ids(sink.wait(len(came) + 1, "/failing"))
    check("it waited", got[-1] == "evt_f1", got)
    st.op("destination.remove", destination="failing")


def a_removal_ends_it(st, sink, ca):
    st.destination("away", sink.url("/away"), ca=ca.file, retry="1h")
    sink.answers("/away", 500)
    st.accept("evt_away")
    sink.wait(1, "/away")
    st.wait_counts("away", retrying=1)
    st.op("destination.remove", destination="away")
    st.accept("evt_away2")
    time.sleep(1)
    check("no more came", len(sink.requests("/away")) == 1)
    # A new one of the same name starts with what comes now.
    st.destination("away", sink.url("/away2"), ca=ca.file)
    st.accept("evt_away3")
    check("the new one", ids(sink.wait(1, "/away2")) == ["evt_away3"])
    st.op("destination.remove", destination="away")


def nothing_of_a_removed_endpoint_is_sent_again(st, sink, ca):
    """Nor what was under way as it was removed, and failed then; unless an
    operator asks for it."""
    st.add_endpoint("short")
    st.destination("lives", sink.url("/lives"), ca=ca.file,
                   retry=",".join(["1s"] * 60))

    def slow(_):
        time.sleep(2)
        return 500

    sink.answers("/lives", slow)
    st.accept("evt_short", endpoint="short")
    sink.wait(1, "/lives")
    st.op("endpoint.remove", endpoint="short")
    st.wait_counts("lives", dead=1, retrying=0)
    check("once", len(sink.requests("/lives")) == 1, sink.requests("/lives"))
    dead = st.op("event.list", status="dead", destination="lives")
    check("reason", dead[0]["reason"] == "removed", dead)
    sink.answers("/lives", 200)
    st.op("delivery.retry", seqs=[dead[0]["seq"]], destination="lives")
    sink.wait(2, "/lives")
    st.op("destination.remove", destination="lives")


def it_starts_where_it_is_told(st, sink, ca):
    """From the beginning of the log, or from a seq on."""
    st.destination("all", sink.url("/all"), ca=ca.file, from_seq=1)
    held = sum(1 for row in st.rows("event", "list", "--limit", "0")
               if row["endpoint"] == "shop")
    sink.wait(held, "/all")
    st.op("destination.remove", destination="all")


if __name__ == "__main__":
    sys.exit(run_parts([
        a_pause_queues, an_order_is_kept, limits_are_kept,
        secrets_change_while_it_delivers, a_breaker_opens,
        nothing_but_failures_disables, a_removal_ends_it,
        nothing_of_a_removed_endpoint_is_sent_again,
        it_starts_where_it_is_told]))
