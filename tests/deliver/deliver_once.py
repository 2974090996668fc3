#!/usr/bin/env python3
"""A retry never begins before its time: in a run of --once beside others, in
the next runs, after each kind of stop, and when another owner takes over."""
import os
import json
import signal
import sys
import time

sys.dont_write_bytecode = True

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from deliver_stand import DeliverStand, Sink, check, wait_for
from sink import Answer

JITTER = 0.9  # of a delay, at least
SLOW_S = 4
OTHERS = 300  # beside it, each of which makes work and is written down


def later(seconds):
    def answer(_):
        time.sleep(seconds)
        return Answer(200)
    return answer


def accept(st, kind, n=1):
    for i in range(n):
        ident = f"{kind}_{time.monotonic_ns()}_{i}"
        st.post_with(ident, {}, json.dumps(
            {"id": ident, "topic": f"{kind}.it"}).encode())


def prepare(st, sink, retry, slow_s=SLOW_S):
    """One that fails at once, one that takes its time, one with much to do."""
    for name, settings in (("fails", {"retry": retry}), ("slow", {}),
                           ("busy", {"concurrency": 2})):
        st.destination(name, sink.url(f"/{name}"), events=f"{name}.*",
                       **settings)
    sink.answers("/fails", 500)
    sink.answers("/slow", later(slow_s))
    sink.answers("/busy", later(slow_s / OTHERS))
    accept(st, "fails")
    accept(st, "slow")
    accept(st, "busy", OTHERS)


def end(st, sink):
    for name in ("fails", "slow", "busy"):
        st.op("destination.remove", destination=name)
        sink.answers(f"/{name}", 200)


def times(sink, since=0):
    return [r.at for r in sink.requests("/fails")][since:]


def once_ends_before_the_retry(st, sink):
    prepare(st, sink, "12s,10m")
    figures = st.once()
    check("one attempt", len(times(sink)) == 1, times(sink), figures)
    check("told", figures == {"delivered": OTHERS + 1, "failed": 1, "dead": 0,
                              "left": 1}, figures)
    # The next runs have it in their rows, and the busy one besides.
    for _ in range(3):
        accept(st, "busy", 20)
        figures = st.once()
        at = times(sink)
        check("not before its time", len(at) == 1 or
              at[1] - at[0] >= 12 * JITTER, at)
    end(st, sink)


def once_lasts_longer_than_the_delay(st, sink):
    """What falls due within the run is tried in it, at its time."""
    before = len(times(sink))
    prepare(st, sink, "2s,10m")
    figures = st.once()
    at = times(sink, before)
    check("within the run", len(at) == 2 and at[1] - at[0] >= 2 * JITTER, at)
    check("told", (figures["failed"], figures["left"]) == (2, 1), figures)
    end(st, sink)


def wait_attempts(sink, before, n):
    wait_for(f"attempt {n}", 60, lambda: len(times(sink, before)) >= n, 0.02)
    return times(sink, before)


def each_stop(st, sink):
    """Told to stop while others are under way, killed, another owner; and
    started again at once each time."""
    def told(st):
        check("ends well", st.end_deliver(signal.SIGTERM) == 0)

    def killed(st):
        st.end_deliver(signal.SIGKILL)

    def taken_over(st):
        st.kill(st.processes())
        wait_for("another owner", 60, lambda: st.status("evt_over") in
                 ("accepted", "duplicate"), 0.1)

    for stop in (told, killed, taken_over):
        before = len(times(sink))
        prepare(st, sink, "6s,10m", 2)
        st.deliver()
        wait_attempts(sink, before, 1)
        # Its outcome is written down; what was not may come again at once.
        st.wait_counts("fails", retrying=1)
        stop(st)
        if st.deliverer.poll() is not None:
            st.once()
            st.deliver()
        at = wait_attempts(sink, before, 2)
        check(f"{stop.__name__}: not before its time",
              at[1] - at[0] >= 6 * JITTER, at)
        st.end_deliver()
        end(st, sink)


def main():
    with DeliverStand() as st, Sink() as sink:
        for part in (once_ends_before_the_retry,
                     once_lasts_longer_than_the_delay, each_stop):
            began = time.monotonic()
            part(st, sink)
            print(f"{part.__name__}: {time.monotonic() - began:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
