#!/usr/bin/env python3
"""What seldom comes: events that a scheme cannot sign, ids that no header
holds, destinations whose scheme is gone, more to do than may be done at once,
more bytes than may be in flight, a destination removed as it is read, an owner
that is slow to answer."""
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from deliver_stand import DeliverStand, Sink, check, ids, signatures
from stand import BUILD, SOURCE, wait_for

NARROW = f"{BUILD}/tests/fault/narrow-deliver"
NARROW_BYTES = 1 << 20  # that it may have in flight (Makefile.am)

def picky(folder):
    """A scheme like that of Nimbus, but that it signs a value of the body:
    not every event has it."""
    with open(f"{SOURCE}/conf/schemes/nimbus.json") as f:
        scheme = json.load(f)
    scheme["content"] = "{json:/ref}.{body}"
    with open(f"{folder}/picky.json", "w") as f:
        json.dump(scheme, f)


def nothing_to_do_is_soon_done(st, sink):
    """Without a destination; and a first one is seen as soon as it is made."""
    st.accept("evt_nobody")
    began = time.monotonic()
    figures = st.once()
    check("nothing", set(figures.values()) == {0}, figures)
    check("once is soon over", time.monotonic() - began < 30)
    st.deliver("-v")
    time.sleep(1)
    began = time.monotonic()
    st.destination("first", sink.url("/first"), from_seq=1)
    sink.wait(1, "/first")
    check("it is seen", time.monotonic() - began < 30)
    st.op("destination.remove", destination="first")


def what_cannot_be_signed_is_dead(st, sink):
    st.destination("picky", sink.url("/picky"), sign="picky")
    st.post_with("evt_no", {}, b'{"id":"evt_no","topic":"a.b"}')
    st.post_with("evt_yes", {}, b'{"id":"evt_yes","topic":"a.b","ref":"7"}')
    sink.wait(1, "/picky")
    st.wait_words("delivery=dead destination=picky ")
    check("only one came", len(sink.requests("/picky")) == 1)
    st.wait_counts("picky", dead=1, pending=0, retrying=0)
    st.op("destination.remove", destination="picky")


def an_odd_id_goes_by_its_place(st, sink):
    added = st.destination("odd", sink.url("/odd"))
    for name in ("blank in it", "\u00e9", "tab\t", "full.stop", "x" * 255):
        st.post_with(name, {}, json.dumps({"id": name, "topic": "a.b"})
                     .encode())
    got = sink.wait(5, "/odd")
    for r in got:
        name = json.loads(r.body)["id"]
        want = name if name[0] == "x" else f"evt_{r.headers['eyelet-seq']}"
        check("id", r.headers["webhook-id"] == want, r.headers)
        check("signed", signatures(added["value"], r) == 1)
    st.op("destination.remove", destination="odd")


def a_proxy_is_gone_through(st, sink):
    """Where one is asked for; by name, which only the proxy can find."""
    st.destination("by", "http://receiver.example/x",
                   proxy=f"http://127.0.0.1:{sink.port}")
    st.accept("evt_proxy")
    sink.wait(1, "http://receiver.example/x")
    st.op("destination.remove", destination="by")


def cpu_s(pid):
    """What a process has had of the processor, in seconds."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def all_together_are_limited(st, sink):
    """deliver.connections is for all of them; a destination may have more."""
    lock, now, most = threading.Lock(), [0], [0]

    def slow(_):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.5)
        with lock:
            now[0] -= 1
        return 200

    for name in ("one", "two"):
        sink.answers(f"/{name}", slow)
        st.destination(name, sink.url(f"/{name}"), concurrency=8)
    st.accept(*[f"evt_all{i}" for i in range(6)])
    sink.wait(1, "/one")
    began, spent = time.monotonic(), cpu_s(st.deliverer.pid)
    for name in ("one", "two"):
        sink.wait(6, f"/{name}")
    check("three at once", most[0] == 3, most)
    spent = cpu_s(st.deliverer.pid) - spent
    took = time.monotonic() - began
    check("what has to wait costs nothing", spent < took / 2, spent, took)
    for name in ("one", "two"):
        st.op("destination.remove", destination=name)


def what_is_fetched_is_limited_too(st, sink):
    """Retries that are due at once have no more in flight than what was just
    read: they wait for room, then for their events."""
    lock, now, most, size, count = threading.Lock(), [0], [0], 200_000, 40

    def slow(r):
        if r.headers["eyelet-attempt"] == "1":
            return 500
        with lock:
            now[0] += len(r.body)
            most[0] = max(most[0], now[0])
        time.sleep(0.5)
        with lock:
            now[0] -= len(r.body)
        return 200

    sink.answers("/large", slow)
    st.destination("large", sink.url("/large"), concurrency=count,
                   retry="2s,2s")
    for i in range(count):
        st.post_with(f"evt_large{i}", {}, json.dumps(
            {"id": f"evt_large{i}", "topic": "a.b", "pad": "x" * size})
            .encode())
    st.deliver("-v", program=NARROW)
    st.wait_words("delivery=failed destination=large ", count)
    check("ends well", st.end_deliver() == 0)
    time.sleep(2)
    st.deliver("-v", program=NARROW)
    st.wait_words("delivery=delivered destination=large ", count)
    check("more than one at once", most[0] > 2 * size, most)
    check("no more than fits", most[0] < NARROW_BYTES + 2 * size, most)
    check("ends well", st.end_deliver() == 0)


def many_come_and_go(st, sink):
    """Destinations that are removed as soon as they are made, while others
    deliver: nobody is confused."""
    st.destination("stays", sink.url("/stays"))
    for i in range(30):
        st.destination(f"goes{i}", sink.url("/goes"), from_seq=1)
        st.accept(f"evt_go{i}")
        st.op("destination.remove", destination=f"goes{i}")
    got = sink.wait(30, "/stays")
    check("all came", sorted(ids(got)) ==
          sorted(f"evt_go{i}" for i in range(30)))
    check("it runs", st.deliverer.poll() is None)
    check("the owner was there", st.words("store=away") == [],
          st.words("store=away"))
    st.op("destination.remove", destination="stays")


def a_scheme_that_is_gone_is_said(st, sink, folder):
    """The destination waits; with the scheme back all is delivered."""
    st.destination("picky", sink.url("/late"), sign="picky")
    st.end_deliver()
    os.rename(f"{folder}/picky.json", f"{folder}/away")
    st.deliver("-v")
    words = st.wait_words("delivery=waits destination=picky")
    check("why", "no scheme" in words[-1] and "picky" in words[-1], words)
    st.post_with("evt_late", {},
                 b'{"id":"evt_late","topic":"a.b","ref":"7"}')
    check("ends well", st.end_deliver() == 0)
    check("nothing goes out unsigned", sink.requests("/late") == [])
    os.rename(f"{folder}/away", f"{folder}/picky.json")
    st.deliver("-v")
    sink.wait(1, "/late")


def who_has_nothing_to_do_sleeps(st, sink):
    """Whatever it was about when the owner fell silent."""
    owners = st.processes()
    for n in range(16):
        st.accept(f"evt_asleep{n}")
        time.sleep(0.004 * n)
        st.kill(owners, signal.SIGSTOP)
        spent = cpu_s(st.deliverer.pid)
        time.sleep(0.6)
        spent = cpu_s(st.deliverer.pid) - spent
        st.kill(owners, signal.SIGCONT)
        check("a deliverer with nothing to do sleeps", spent < 0.3, n, spent)


def an_owner_that_is_away_is_waited_for(st, sink):
    """Without haste; what comes meanwhile goes out when it is back."""
    st.accept("evt_passed", endpoint="shop")  # a cursor that moves
    owners = st.processes()
    st.kill(owners, signal.SIGSTOP)
    began, spent = time.monotonic(), cpu_s(st.deliverer.pid)
    time.sleep(3)
    spent = cpu_s(st.deliverer.pid) - spent
    took = time.monotonic() - began
    st.kill(owners, signal.SIGCONT)
    check("an owner that is silent costs nothing", spent < took / 2, spent)
    st.accept("evt_after")
    wait_for("it goes on", 60, lambda: any(
        r.headers["webhook-id"] == "evt_after" for r in sink.requests("/on")),
        0.05)


def what_was_not_asked_for_is_not_gone(st, sink):
    """An older event whose time comes while the owner is still to answer for
    a newer one: that the answer lacks it says nothing."""
    for name, retry in (("older", "3s,1s"), ("newer", "1s,1s")):
        sink.answers(f"/{name}", 500, 200)
        st.destination(name, sink.url(f"/{name}"), events=f"a.{name}",
                       retry=retry)
        st.post_with(f"evt_{name}", {}, json.dumps(
            {"id": f"evt_{name}", "topic": f"a.{name}"}).encode())
        st.wait_words(f"delivery=failed destination={name} ")
    owners = st.processes()
    st.kill(owners, signal.SIGSTOP)
    time.sleep(4)
    st.kill(owners, signal.SIGCONT)
    wait_for("both go on", 60, lambda: all(
        st.words(f"delivery=(delivered|dead) destination={name} ")
        for name in ("older", "newer")), 0.05)
    check("none is dead", st.words("delivery=dead destination=(older|newer) ")
          == [], st.words("destination=(older|newer)"))
    for name in ("older", "newer"):
        st.op("destination.remove", destination=name)


def who_changes_it_meanwhile_is_heard(st, sink):
    """A destination is found gone, and before the owner hears of that its
    operator mends it: what was found is not true of it any more. Whom the
    owner hears first is not in our hand: until it was the operator."""
    for n in range(10):
        name = f"mended{n}"
        if is_mended_before_it_is_off(st, sink, name):
            break
        st.op("destination.remove", destination=name)
    else:
        check("it is on once", False, st.words("mended"))
    # The attempt is told when it is written down: that may be later.
    said = st.wait_words(f"delivery=failed destination={name} ")
    check("no time", "next=" not in said[0], said)
    check("it is on", st.show(name)["state"] == "enabled", st.words(name))
    st.op("destination.remove", destination=name)


def is_mended_before_it_is_off(st, sink, name):
    def answer(r):
        first, once = r.headers["webhook-id"] == f"{name}_early", \
            r.headers["eyelet-attempt"] == "1"
        time.sleep(1 if first else 2)
        return 200 if first or not once else 410

    path = f"/{name}"
    sink.answers(path, answer)
    st.destination(name, sink.url(path), concurrency=2)
    st.accept(f"{name}_early", f"{name}_gone")
    sink.wait(2, path)
    owners = st.processes()
    st.kill(owners, signal.SIGSTOP)
    time.sleep(3)  # a report is out, and what is found waits behind it
    edit = threading.Thread(target=lambda: st.op(
        "destination.edit", destination=name, settings={"title": "new"}))
    edit.start()
    time.sleep(0.5)
    st.kill(owners, signal.SIGCONT)
    edit.join()
    wait_for("it goes on", 60, lambda: len(sink.requests(path)) > 2
             or st.show(name)["state"] != "enabled", 0.05)
    return st.show(name)["state"] == "enabled"


def a_store_that_is_not_there_is_said(st):
    st.end_deliver()
    settings = {"store.path": f"{st.top}/none"}
    st.write_conf(settings)
    done = st.run("deliver", "--once", check=False)
    check("status", done.returncode == 66, done)
    check("words", "eyelet-store init" in done.stderr
          or "there is no folder" in done.stderr, done.stderr)


def main():
    folder = tempfile.mkdtemp(prefix="eyelet-schemes.")
    try:
        picky(folder)
        settings = {"deliver.connections": "3",
                    "schemes.path": f"{SOURCE}/conf/schemes {folder}"}
        with DeliverStand(settings=settings) as st, Sink() as sink:
            for part in (nothing_to_do_is_soon_done,
                         what_cannot_be_signed_is_dead,
                         an_odd_id_goes_by_its_place, a_proxy_is_gone_through,
                         all_together_are_limited, many_come_and_go):
                part(st, sink)
            a_scheme_that_is_gone_is_said(st, sink, folder)
            st.destination("on", sink.url("/on"))
            who_has_nothing_to_do_sleeps(st, sink)
            an_owner_that_is_away_is_waited_for(st, sink)
            what_was_not_asked_for_is_not_gone(st, sink)
            who_changes_it_meanwhile_is_heard(st, sink)
            a_store_that_is_not_there_is_said(st)
        with DeliverStand(settings={"deliver.connections": "64"}) as st, \
                Sink() as sink:
            what_is_fetched_is_limited_too(st, sink)
    finally:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
