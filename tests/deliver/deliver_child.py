#!/usr/bin/env python3
"""With deliver.mode = child the store's owner runs the deliverer: starts it,
starts it again, and takes it along. With off nobody delivers."""
import os
import signal
import sys

sys.dont_write_bytecode = True

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from deliver_stand import DeliverStand, Sink, SOON_S, wait_for
from stand import BUILD

PROGRAM = f"{BUILD}/admin/eyelet-deliver"


def children(st):
    """The pids of deliverers of this stand."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                args = f.read().split(b"\0")
        except OSError:
            continue
        if args[0] == PROGRAM.encode() and st.conf.encode() in args:
            found.append(int(pid))
    return found


def wait_children(st, condition, what):
    wait_for(what, SOON_S, lambda: condition(children(st)), 0.05)
    return children(st)


def main():
    settings = {"deliver.mode": "child", "deliver.program": PROGRAM}
    with DeliverStand(settings=settings) as st, Sink() as sink:
        st.destination("crm", sink.url("/crm"))
        st.accept("evt_1")
        sink.wait(1, "/crm")
        first = wait_children(st, lambda c: len(c) == 1, "a deliverer")[0]
        os.kill(first, signal.SIGKILL)
        st.accept("evt_2")
        sink.wait(2, "/crm")
        second = wait_children(st, lambda c: c and c != [first], "another")
        st.kill(st.processes())  # the owner; its web server starts a new one
        wait_children(st, lambda c: c and second[0] not in c,
                      "one of the next owner")
        st.accept("evt_3")
        sink.wait(3, "/crm")
        st.stop()
        wait_children(st, lambda c: c == [], "all to be gone")
        settings["deliver.mode"] = "off"
        st.write_conf(settings)
        done = st.run("deliver", check=False)
        assert done.returncode == 78, done
        assert "deliver.mode is off" in done.stderr, done
    return 0


if __name__ == "__main__":
    sys.exit(main())
