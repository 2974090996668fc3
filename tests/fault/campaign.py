"""What kills and power cuts share: strikes under the load of one sender whose
journal is held against the store afterwards.
"""
import os
import random
import sys
import time
from collections import Counter

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from machine import slack
from stand import compare, effort, end_load, wait_for

BACK_S = 3.0  # the promise, on a machine that has nothing else to do
GIVE_UP_S = 30.0
CONNECTIONS = 64
HIT_SHARE = 0.30  # strikes that must find a transaction open

# Where a thread of the owner stands while it makes a commit durable.
SYSCALLS = {
    "x86_64": {1: "write", 18: "pwrite", 74: "fsync", 75: "fdatasync"},
    "aarch64": {64: "write", 68: "pwrite", 82: "fsync", 83: "fdatasync"},
}.get(os.uname().machine, {})


def standing(pid):
    """The disk calls that threads of pid are in at this instant."""
    calls = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/syscall") as f:
                number = f.read().split()[0]
            if number.isdigit() and int(number) in SYSCALLS:
                calls.append(SYSCALLS[int(number)])
    except OSError:
        pass
    return calls


class Campaign:
    def __init__(self, stand):
        self.stand = stand
        self.journals = []
        self.figures = Counter()  # of all senders
        self.random = random.Random(int(os.environ.get("EYELET_SEED", "1")))
        self.back = []  # seconds until service was back
        self.open = 0  # strikes with requests under way
        self.syncing = 0  # of these: within a write or sync

    def run(self, count, strike):
        """So many strikes under the load of one sender."""
        load = self.stand.load(f"load{len(self.journals)}",
                               connections=CONNECTIONS, again=50)
        self.journals.append(load.journal)
        for _ in range(count):
            self.strike(load.board, strike)
        for name, figure in end_load(load).items():
            if isinstance(figure, int):
                self.figures[name] += figure

    def strike(self, board, act):
        # In its stride again, and then at a moment nobody chose.
        acked = board.acked
        wait_for("load in its stride", GIVE_UP_S,
                 lambda: board.acked > acked + 2 * CONNECTIONS)
        time.sleep(self.random.uniform(0.0, 0.15))
        pids = self.stand.processes()
        if not pids:
            raise RuntimeError("nobody owns the store, yet answers came")
        self.open += board.in_flight > 0
        self.syncing += any([standing(pid) for pid in pids])
        began = time.monotonic()
        act(pids)
        # More answers than can have been on their way.
        acked = board.acked
        wait_for("service is back", GIVE_UP_S,
                 lambda: board.acked > acked + CONNECTIONS)
        self.back.append(time.monotonic() - began)

    def compare(self):
        self.result = compare(self.stand, self.journals)
        self.damage = self.stand.run("store", "check", check=False)

    def broken(self):
        """Promises that were broken, in words; prints the figures."""
        back = sorted(self.back)
        figures, result = self.figures, self.result
        faults = sum(figures[f"status-{s}"] for s in range(500, 600))
        busy = slack()
        print(f"{len(back)} strikes, {self.open} with requests under way, "
              f"{self.syncing} within a write or sync of the store")
        print(f"{result['acked']} acknowledged, {result['held']} held, "
              f"{len(result['lost'])} lost, {len(result['twice'])} twice; "
              f"{figures['timed-out']} requests hung; sent again: {faults} "
              f"after a 5xx, {figures['broken']} after a broken connection")
        print(f"back after {back[len(back) // 2]:.2f} s (median), "
              f"{back[-1]:.2f} s (worst)", f"on a machine {busy:.1f} times "
              "as busy as it may be" if busy > 1 else "")
        wrong = []
        if result["lost"]:
            wrong.append(f"lost: {result['lost'][:5]}")
        if result["twice"]:
            wrong.append(f"accepted twice: {result['twice'][:5]}")
        if figures["twice"]:
            wrong.append(f"{figures['twice']} acknowledged, and accepted "
                         "again")
        if figures["timed-out"]:
            wrong.append(f"{figures['timed-out']} requests had no answer")
        if any(figures[f"status-{s}"] for s in range(400, 500)):
            wrong.append("a fault of ours was answered 4xx")
        if back[-1] > BACK_S * busy:
            wrong.append(f"back only after {back[-1]:.2f} s")
        if self.damage.returncode != 0:
            wrong.append("eyelet-store check: "
                         f"{self.damage.stdout}{self.damage.stderr}")
        if self.open < HIT_SHARE * len(back):
            wrong.append("too few strikes met a transaction: no proof")
        return wrong


def verdict(wrong):
    for words in wrong:
        print("FAIL:", words)
    sys.exit(1 if wrong else 0)


def run_rows(rows, one, short, normal):
    """Runs one(*row) of the rows that arguments name, else of as many as the
    effort asks for, and ends the test. one returns what is wrong."""
    asked = [a for a in sys.argv[1:] if not a.startswith("--")]
    chosen = effort(short, normal, rows)
    if asked:
        chosen = [row for row in rows if row[0] in asked]
    wrong = []
    for row in chosen:
        wrong += one(*row)
    verdict(wrong)
