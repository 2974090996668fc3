#!/usr/bin/env python3
"""Pages of the event log are damaged, or whole files are, with the log that
they were written from still there, or gone: every acknowledged event is
delivered or a dead letter that says why, the service is back in a while with
few starts, and a check says what is wrong.
"""
import glob
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from deliver_stand import DeliverStand, check
from machine import slack
from sink import Sink
from stand import effort, wait_for

EVENTS = 120
FILLER = "x" * 150000  # of each event: a few of them fill a segment
PAGE = 8192
BACK_S = 30.0
STARTS_MAX = 4


def overwrite(path, page, what):
    with open(path, "r+b") as f:
        f.seek(page)
        f.write(what)


def pages(path):
    return os.path.getsize(path) // PAGE


def zero(path, rng):
    overwrite(path, rng.randrange(pages(path)) * PAGE, bytes(PAGE))


def flip(path, rng):
    at = rng.randrange(os.path.getsize(path))
    with open(path, "rb") as f:
        f.seek(at)
        was = f.read(1)[0]
    overwrite(path, at, bytes([was ^ 1 << rng.randrange(8)]))


def cut(path, rng):
    os.truncate(path, rng.randrange(os.path.getsize(path)))


def missing(path, rng):
    del rng
    os.unlink(path)
    snapshot = path.replace("/db/", "/snapshot/")
    if os.path.exists(snapshot):
        os.unlink(snapshot)


def post_all(st):
    """The ids of all events, each acknowledged."""
    ids = [f"evt_{i}" for i in range(EVENTS)]
    left = list(ids)

    def post():
        while left:
            event_id = left.pop()
            body = ('{"id":"%s","topic":"a.b","filler":"%s"}'
                    % (event_id, FILLER)).encode()
            st.post_with(event_id, {}, body)
    threads = [threading.Thread(target=post) for _ in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return ids


def restart(st):
    st.stop()
    st.start()


def accepts(st, event_id):
    try:
        return st.status(event_id) in ("accepted", "duplicate")
    except OSError:
        return False


def settled(st, sink, ids):
    """What was delivered, and seqs of dead letters; None: not all yet."""
    got = {r.headers["webhook-id"] for r in sink.requests("/crm")}
    try:
        dead = {row["seq"]: row["reason"] for row in
                st.rows("event", "dead", "list", "--destination", "crm",
                        "--limit", "0")}
    except RuntimeError:
        return None
    missed = [i for i in ids if i not in got]
    return (got, dead) if len(missed) <= len(dead) else None


def run(damage, log_gone, which, seed):
    rng = random.Random(seed)
    words = f"{damage.__name__}, {which}, log " \
        f"{'gone' if log_gone else 'there'}, seed {seed}"
    with DeliverStand(settings={
            "store.segment_max": "1m",
            "store.log_keep_max": "1m" if log_gone else "512m"}) as st, \
            Sink() as sink:
        st.destination("crm", sink.url("/crm"), from_seq=1)
        ids = post_all(st)
        if log_gone:
            restart(st)
            restart(st)
            check("the log is gone", not os.path.exists(
                f"{st.store}/db/log/log.0000000001"))
        st.stop()
        files = sorted(glob.glob(f"{st.store}/db/events-*"))
        check("segments", len(files) > 5, files)
        damage(rng.choice(files[:-1]) if which == "closed" else files[-1],
               rng)
        before = st.starts()
        began = time.monotonic()
        st.start()
        # Before anybody reads there, and when it was found at once.
        first = st.run("store", "check", check=False)
        st.deliver("-v")
        wait_for(f"{words}: accepts", 60 * slack(),
                 lambda: accepts(st, "after"), step=0.1)
        found = []
        wait_for(f"{words}: all is settled", 90 * slack(),
                 lambda: found.append(settled(st, sink, ids)) or found[-1],
                 step=0.3)
        back_s = time.monotonic() - began
        got, dead = found[-1]
        missed = [i for i in ids if i not in got]
        check(f"{words}: all are accounted for", len(missed) == len(dead),
              missed, dead)
        check(f"{words}: the reason", set(dead.values()) <= {"damaged"}, dead)
        check(f"{words}: nothing is lost while the log is there",
              log_gone or not missed, missed)
        for seq in sorted(dead)[:2]:
            for verb in (("show", str(seq)), ("replay", str(seq), "--destination",
                                              "crm")):
                done = st.run("event", *verb, check=False)
                check(f"{words}: {verb[0]} says that {seq} is lost",
                      done.returncode == 66 and
                      f"event {seq} is lost" in done.stderr, done.stderr)
        status = st.store_status()
        check(f"{words}: status tells", status["lost"] == len(missed), status)
        check(f"{words}: healthy", status["healthy"], status)
        check(f"{words}: few starts",
              st.starts() - before <= STARTS_MAX, st.starts() - before)
        mended = "is mended when the store is opened next" in st.tail(10000)
        check(f"{words}: it was noticed, or harms nothing",
              mended or not missed)
        after = st.run("store", "check", check=False)
        check(f"{words}: a check tells what is lost",
              (after.returncode == 1) == bool(missed), after.returncode,
              after.stdout, after.stderr)
        check(f"{words}: a check never fails otherwise",
              first.returncode in (0, 1), first.stderr)
        check(f"{words}: accepts", accepts(st, "later"))
        check("ends well", st.end_deliver() == 0)
    print(f"{words}: {len(missed)} of {len(ids)} lost and told, settled "
          f"after {back_s:.1f} s")


def main():
    seed = int(os.environ.get("EYELET_SEED", "1"))
    cases = [(zero, True, "closed"), (flip, True, "closed"),
             (cut, True, "closed"), (missing, True, "closed"),
             (zero, False, "closed"), (missing, False, "closed"),
             (flip, False, "open"), (zero, True, "open")]
    for i in range(effort(4, 8, 80)):
        run(*cases[i % len(cases)], seed + i // len(cases))


main()
