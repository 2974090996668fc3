#!/usr/bin/env python3
"""Tools that root runs leave nothing that the service, another user, cannot
open; and a stranger is told how to do it right.
"""
import os
import pwd
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from stand import Stand, skip

SERVICE = "www-data"
STRANGER = "nobody"

wrong = []


def strangers(stand):
    """What in the service's folder is not the service's."""
    uid = pwd.getpwnam(SERVICE).pw_uid
    found = []
    for folder, names, files in os.walk(stand.home):
        for name in names + files:
            path = f"{folder}/{name}"
            if os.lstat(path).st_uid != uid:
                found.append(os.path.relpath(path, stand.home))
    return found


def main():
    if os.geteuid() != 0:
        skip("must be root to be another user than the service")
    for user in (SERVICE, STRANGER):
        try:
            pwd.getpwnam(user)
        except KeyError:
            skip(f"there is no user {user}")
    with Stand(user=SERVICE) as stand:
        # Nobody owns the store yet, so that root's tools start the owner.
        stand.add_endpoint()
        for args in (("endpoint", "list"), ("store", "status"),
                     ("store", "check"), ("event", "list"),
                     ("endpoint", "edit", "shop", "--title", "Shop")):
            stand.run(*args, as_root=True)
            if strangers(stand):
                wrong.append(f"root's {' '.join(args)} left "
                             f"{strangers(stand)}")
        for pid in stand.processes():
            if os.stat(f"/proc/{pid}").st_uid == 0:
                wrong.append("root's tool left an owner that runs as root")
        stand.kill(stand.processes())
        stand.start()
        if stand.status("evt_1") != "accepted":
            wrong.append("the service cannot use the store any more")
        stand.run("endpoint", "list", as_root=True)
        if strangers(stand):
            wrong.append(f"beside the service root left {strangers(stand)}")
        stand.user = STRANGER
        refused = stand.run("endpoint", "list", check=False)
        if refused.returncode == 0:
            wrong.append("a stranger may administer")
        if f"sudo -u {SERVICE}" not in refused.stderr:
            wrong.append(f"a stranger is told only: {refused.stderr!r}")
        stand.user = SERVICE
    for words in wrong:
        print("FAIL:", words)
    sys.exit(1 if wrong else 0)


main()
