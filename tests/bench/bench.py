#!/usr/bin/env python3
"""What eyelet takes a second, beside a libfcgi program that only reads the
body and answers 200; bytes on disk per event; how soon it is back after a
kill.

    bench.py [--effort=short|normal|long]

Both run behind a lighttpd of their own and are measured in turns in one run,
so that the ratio holds on a shared machine. Only long gives figures to quote;
the others prove that it runs.
"""
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from stand import BUILD, Stand, effort, end_load, wait_for

CONNECTIONS = 64
BODY = 1024


def rate(stand, name, seconds, body=BODY):
    """Good replies a second, and p50 and p99 in ms."""
    load = stand.load(name, connections=CONNECTIONS, body=body,
                      seconds=seconds, journal=None)
    words, _ = load.communicate(timeout=seconds + 60)
    lines = words.splitlines()
    if load.returncode != 0:
        raise RuntimeError(words)
    numbers = [w.rstrip(",") for w in lines[1].split()]
    return float(lines[0].split()[0]), float(numbers[2]), float(numbers[5])


def disk_bytes(stand, part):
    """What files of the store whose path holds part take up."""
    total = 0
    for folder, _, files in os.walk(stand.store):
        total += sum(os.stat(f"{folder}/{f}").st_blocks * 512 for f in files
                     if part in f"{folder}/{f}")
    return total


def written_bytes(stand):
    """What the store's owner has sent to the disk."""
    (pid,) = stand.processes()
    with open(f"/proc/{pid}/io") as f:
        return int(dict(line.split(": ") for line in f)["write_bytes"])


def bytes_per_event(connections, count):
    with Stand() as stand:
        stand.start()
        stand.add_endpoint()
        written = written_bytes(stand)
        load = stand.load(connections=connections, body=BODY, count=count,
                          journal=None)
        end_load(load, leave=False)
        written = written_bytes(stand) - written
        # Closed, so that every page is in its file.
        stand.stop()
        wait_for("the store is closed", 30, lambda: not stand.processes())
        print(f"{connections:3} connections, {count} events of {BODY} bytes: "
              f"{disk_bytes(stand, '/events-') / count:.0f} bytes an event in "
              f"segments, {disk_bytes(stand, '/seen-') / count:.0f} in "
              f"remembered ids, {written / count:.0f} written for it; "
              f"{disk_bytes(stand, '/log/') >> 20} MiB of log")


def restart(stand, kills):
    load = stand.load("restart", connections=CONNECTIONS, body=BODY,
                      journal=None)
    board = load.board
    took = []
    for _ in range(kills):
        acked = board.acked
        wait_for("load in its stride", 30, lambda: board.acked > acked + 5000)
        time.sleep(0.2)
        stand.kill(stand.processes())
        acked = board.acked
        took.append(wait_for("service is back", 30,
                             lambda: board.acked > acked + CONNECTIONS))
    end_load(load)
    row = stand.store_status()
    print(f"back after a kill -9 under load: median "
          f"{statistics.median(took):.2f} s, worst {max(took):.2f} s of "
          f"{kills} (recovery itself {row['recovery_ms']} ms)")


def main():
    rounds, seconds, kills = effort((1, 1, 1), (1, 2, 2), (7, 10, 20))
    with Stand() as eyelet, Stand() as hello:
        hello.start(program=f"{BUILD}/tests/bench/hello_fcgi")
        eyelet.start()
        eyelet.add_endpoint()
        figures = []
        for i in range(rounds):
            figures.append((rate(hello, f"h{i}", seconds),
                            rate(eyelet, f"e{i}", seconds)))
            for what, (per_s, p50, p99) in zip(("hello ", "eyelet"),
                                               figures[-1]):
                print(f"{what} {per_s:8.0f}/s, p50 {p50:.2f} ms, "
                      f"p99 {p99:.2f} ms")
        ratios = [e[0] / h[0] for h, e in figures]
        print(f"eyelet takes {statistics.median(e[0] for _, e in figures):.0f}"
              f" events/s durably, a program that only answers "
              f"{statistics.median(h[0] for h, _ in figures):.0f}: "
              f"{statistics.median(ratios):.2f} of it "
              f"({min(ratios):.2f} to {max(ratios):.2f})")
        hello.stop()
        restart(eyelet, kills)
    bytes_per_event(1, effort(200, 200, 5000))
    bytes_per_event(CONNECTIONS, effort(2000, 2000, 300000))


main()
