#!/usr/bin/env python3
"""kill -9 of the store's owner under saturating load through lighttpd.

    kill.py [--effort=short|normal|long]

Nothing that was acknowledged is lost, nothing is there twice, nobody hung, and
the service is back within 3 s each time.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from campaign import Campaign, verdict
from stand import Stand, effort


def main():
    count = effort(10, 200, 1000)
    with Stand() as stand:
        stand.start()
        stand.add_endpoint()
        campaign = Campaign(stand)
        # lighttpd starts the next one: at most one a second, it says.
        campaign.run(count // 5, stand.kill)
        stand.stop()

        # And at once by a supervisor, on a socket that stays open.
        def kill_and_start(pids):
            stand.kill(pids)
            stand.start_service()

        stand.start(supervised=True)
        campaign.run(count - count // 5, kill_and_start)
        campaign.compare()
    verdict(campaign.broken())


main()
