#!/usr/bin/env python3
"""Programs under fake_clock.so see the clocks that a test sets (fake_clock.h),
also after they were killed, and in what they start; and they tell when the
wall clock was set.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from stand import Stand, wait_for  # noqa: E402

DAY = 86400
WAIT_S = 30
HOLD_S = 600  # so long a clock must hold to be believed


def said(stand, words):
    with open(stand.log, errors="replace") as f:
        return f.read().count(words)


def accepted(stand, event_id):
    wait_for(f"{event_id} is accepted", WAIT_S,
             lambda: stand.status(event_id, now=stand.clock.wall_s()) ==
             "accepted", 0.2)


def expect_said(stand, words, times=1):
    wait_for(f"{words!r} in the log", WAIT_S,
             lambda: said(stand, words) == times, 0.05)


def main():
    with Stand(clock=True) as stand:
        stand.add_endpoint()
        stand.start()
        accepted(stand, "evt_1")
        stand.clock.set(wall_s=40 * DAY)
        expect_said(stand, "the wall clock was set ahead by 40d")
        stand.clock.set(wall_s=0)
        expect_said(stand, "the wall clock was set back by 40d")
        # It holds, and half of the time another process counts.
        stand.clock.set(wall_s=HOLD_S / 2, boot_s=HOLD_S / 2)
        stand.kill_and_wait(stand.processes())
        accepted(stand, "evt_2")
        expect_said(stand, "the wall clock was set back by 40d", 2)
        stand.clock.set(wall_s=HOLD_S, boot_s=HOLD_S)
        expect_said(stand, "the wall clock is right")
        # Another boot, and the clock of its battery is a day slow.
        stand.kill_and_wait(stand.processes())
        stand.clock.set(wall_s=-DAY, boot_s=HOLD_S + 60, boot="another-boot")
        accepted(stand, "evt_3")
        expect_said(stand, "after a new start of the machine, before")
        stand.stop()
        # What an admin program starts sees the same clocks: no step.
        seen = stand.tool("event", "list")
        assert "evt_3" in seen, seen
        owners = stand.processes()
        assert owners, "event list started no owner"
        for pid in owners:
            with open(f"/proc/{pid}/maps") as f:
                assert stand.clock.library in f.read(), "it is not preloaded"
    return 0


if __name__ == "__main__":
    sys.exit(main())
