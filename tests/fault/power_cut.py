#!/usr/bin/env python3
"""Power cuts under saturating load through lighttpd: web server and eyelet die
at once, and what was not synced is gone (disk.h).

    power_cut.py [--effort=short|normal|long]

Nothing that was acknowledged is lost. The same eyelet.fcgi with a planted bug,
which answers before the flush, must be caught by the same campaign.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from campaign import Campaign, verdict
from stand import BUILD, PROGRAM, Stand, effort

SYNC_US = 20000  # of a slow disk, so that cuts meet a flush
TRIES = 6  # where the cuts of a busy machine prove nothing at first
PLANTED = f"{BUILD}/tests/fault/planted.fcgi"


def cut(program, count, proven):
    """So many cuts, and as many again until they are a proof, compared."""
    with Stand(disk=True, program=program) as stand:
        stand.start()
        stand.add_endpoint()
        stand.disk.set("sync_delay_us", SYNC_US)
        campaign = Campaign(stand)
        campaign.undone = 0  # pieces that the cuts took back

        def strike(_):
            stand.cut_power()
            how = campaign.random.choice(["none", "none", "prefix"])
            campaign.undone += stand.disk.cut(
                how, campaign.random.randrange(1 << 30))
            stand.start()

        for _ in range(TRIES):
            campaign.run(count, strike)
            campaign.compare()
            if proven(campaign):
                break
    return campaign


def main():
    campaign = cut(PROGRAM, effort(5, 30, 500), lambda c: c.undone > 0)
    wrong = campaign.broken()
    print(f"{campaign.undone} unsynced pieces taken back")
    if campaign.undone == 0:
        wrong.append("nothing was ever taken back: no proof")
    planted = cut(PLANTED, 5, lambda c: c.result["lost"])
    lost = len(planted.result["lost"])
    print(f"the planted bug: {lost} acknowledged events are gone after "
          f"{len(planted.back)} cuts")
    if lost == 0:
        wrong.append("the planted bug was not caught")
    verdict(wrong)


main()
