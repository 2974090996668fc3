#!/usr/bin/env python3
"""Power cuts under saturating load through lighttpd: web server and eyelet die
at once, and what was not synced is gone (disk.h).

    power_cut.py [--effort=short|normal|long]

Nothing that was acknowledged is lost. The same eyelet.fcgi with a planted bug,
which answers before the flush, must be caught by the same campaign.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from campaign import Campaign, verdict
from stand import BUILD, PROGRAM, Stand, effort

SYNC_US = 2000  # of a disk slower than ours, so that cuts meet a flush
PLANTED = f"{BUILD}/tests/fault/planted.fcgi"


def cut(program, count):
    """The campaign, compared; and how many pieces the cuts took back."""
    undone = 0
    with Stand(disk=True, program=program) as stand:
        stand.start()
        stand.add_endpoint()
        stand.disk.set("sync_delay_us", SYNC_US)
        campaign = Campaign(stand)

        def strike(_):
            nonlocal undone
            stand.cut_power()
            how = campaign.random.choice(["none", "none", "prefix"])
            undone += stand.disk.cut(how, campaign.random.randrange(1 << 30))
            stand.start()

        campaign.run(count, strike)
        campaign.compare()
    return campaign, undone


def main():
    campaign, undone = cut(PROGRAM, effort(5, 30, 500))
    wrong = campaign.broken()
    print(f"{undone} unsynced pieces taken back")
    if undone == 0:
        wrong.append("nothing was ever taken back: no proof")
    planted, _ = cut(PLANTED, effort(5, 15, 50))
    lost = len(planted.result["lost"])
    print(f"the planted bug: {lost} acknowledged events are gone")
    if lost == 0:
        wrong.append("the planted bug was not caught")
    verdict(wrong)


main()
