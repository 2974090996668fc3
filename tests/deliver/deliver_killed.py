#!/usr/bin/env python3
"""kill -9 of the deliverer, and of the store's owner, in mid-flight under load.

    deliver_killed.py [--effort=short|normal|long]

What the sink took is compared with what the store holds: no event is lost, and
one that came twice was under way when a deliverer was killed: once more for
each kill, and never for an owner's. A deliverer with a planted bug, which
writes down too soon how far it came, is caught.
"""
import os
import random
import signal
import sys
import time

sys.dont_write_bytecode = True

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from deliver_stand import DeliverStand, Sink, check
from stand import BUILD, effort, end_load, wait_for

UNDER_WAY_S = 5  # before a kill: by then it would have been written down
SOME_S = 60
PLANTED = f"{BUILD}/tests/fault/planted-deliver"


def held(st):
    """The ids of what was accepted, oldest first."""
    return [row["id"] for row in st.rows("event", "list", "--limit", "0",
                                         "--endpoint", "shop")]


def arrivals(sink):
    """The times at which each id came."""
    seen = {}
    for r in sink.requests("/crm"):
        seen.setdefault(r.headers["webhook-id"], []).append(r.at)
    return seen


def unexplained(seen, kills):
    """Repetitions that no kill of a deliverer was about."""
    return [(event_id, first, again)
            for event_id, times in seen.items()
            for first, again in zip(times, times[1:])
            if not any(k - UNDER_WAY_S < first < k + 1 and again > k
                       for k in kills)]


def is_done(row):
    """Does it have all of the log behind it, by its own words?"""
    return row["behind"] == 0 and \
        sum(row["counts"].values()) == row["counts"]["dead"]


class Campaign:
    def __init__(self, st, sink, program=None):
        self.st, self.sink, self.program = st, sink, program
        self.random = random.Random(1)
        self.kills = []

    def deliver(self):
        self.st.deliver(program=self.program)

    def some_come(self, more):
        """Until so many more have come, so that each kill is in mid-flight."""
        want = len(self.sink.requests("/crm")) + more
        wait_for("deliveries", SOME_S,
                 lambda: len(self.sink.requests("/crm")) >= want
                 or self.load.poll() is not None)

    def kill_deliverers(self, count):
        for _ in range(count):
            self.some_come(self.random.randrange(20, 120))
            self.kills.append(time.time())
            self.st.end_deliver(signal.SIGKILL)
            self.deliver()

    def kill_owners(self, count):
        for _ in range(count):
            self.some_come(self.random.randrange(20, 120))
            self.st.kill(self.st.processes())

    def begin(self):
        n = len(self.st.loads)
        self.load = self.st.load(f"load{n}", connections=2, prefix=f"k{n}-")

    def run(self, count, what):
        """Load, with kills in it; then all of it is delivered."""
        self.begin()
        what(count)
        end_load(self.load)
        ids = held(self.st)
        wait_for(f"all of {len(ids)}", 2 * SOME_S, lambda:
                 len(arrivals(self.sink)) >= len(ids), 0.2)
        return ids


def is_kept(count):
    with DeliverStand() as st, Sink() as sink:
        st.destination("crm", sink.url("/crm"), concurrency=16)
        campaign = Campaign(st, sink)
        campaign.deliver()
        ids = campaign.run(count, campaign.kill_deliverers)
        # What was under way at the last kill may be on its way again yet.
        wait_for("all is written down", SOME_S,
                 lambda: is_done(st.show("crm")), 0.1)
        seen = arrivals(sink)
        twice = sum(len(t) - 1 for t in seen.values())
        check("nothing is lost", set(ids) == set(seen),
              len(set(ids) - set(seen)))
        wrong = unexplained(seen, campaign.kills)
        check("repeated without a kill", wrong == [], wrong[:5])
        print(f"{count} kills of the deliverer: {len(ids)} events, "
              f"{twice} came again")
        before = {k: len(t) for k, t in seen.items()}
        ids = campaign.run(count, campaign.kill_owners)
        st.wait_counts("crm", pending=0, retrying=0, dead=0)
        seen = arrivals(sink)
        check("nothing is lost", set(ids) == set(seen))
        again = [k for k, t in seen.items() if len(t) > before.get(k, 1)]
        check("an owner's death repeats nothing", again == [], again[:5])
        print(f"{count} kills of the owner: {len(ids) - len(before)} events")
        check("ends well", st.end_deliver() == 0)


def slowly(_):
    time.sleep(0.1)
    return 200


def a_bug_is_caught(count):
    """With more in hand than goes out, all that is in hand is lost."""
    with DeliverStand() as st, Sink() as sink:
        st.destination("crm", sink.url("/crm"), concurrency=4)
        sink.answers("/crm", slowly)
        campaign = Campaign(st, sink, PLANTED)
        campaign.deliver()
        campaign.begin()
        campaign.kill_deliverers(count)
        end_load(campaign.load)
        sink.answers("/crm", 200)
        wait_for("the end", SOME_S, lambda: is_done(st.show("crm")), 0.2)
        lost = set(held(st)) - set(arrivals(sink))
        check("a planted bug was not seen", lost)
        print(f"the planted bug is caught: {len(lost)} are lost")


def main():
    is_kept(effort(5, 8, 60))
    a_bug_is_caught(3)
    return 0


if __name__ == "__main__":
    sys.exit(main())
