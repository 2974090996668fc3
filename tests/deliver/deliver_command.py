#!/usr/bin/env python3
"""Events go to commands: the body on stdin, facts in variables, and the exit
status decides."""
import os
import sys
import time

sys.dont_write_bytecode = True

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from deliver_stand import DeliverStand, check, wait_for

ENVIRONMENT = {"EYELET_ID": "evt_facts", "EYELET_TYPE": "order.paid",
               "EYELET_ENDPOINT": "shop", "EYELET_ATTEMPT": "1",
               "EYELET_DESTINATION": "facts",
               "EYELET_CONTENT_TYPE": "application/json",
               "EYELET_CONTENT_ENCODING": ""}


def command(st, name, script, **settings):
    """Adds a destination that runs a line of shell, in a folder of ours."""
    return st.destination(
        name, None, command=["/bin/sh", "-c", f"cd {st.work}; {script}"],
        **settings)


def read(st, name):
    try:
        with open(f"{st.work}/{name}", "rb") as f:
            return f.read()
    except FileNotFoundError:
        return b""


def facts_are_given(st):
    command(st, "facts", "cat >body; env >env.new; mv env.new env")
    st.accept("evt_facts")
    st.wait_words("delivery=delivered destination=facts ")
    check("body", read(st, "body") ==
          b'{"id": "evt_facts", "topic": "order.paid"}', read(st, "body"))
    env = dict(line.split("=", 1) for line in
               read(st, "env").decode().splitlines())
    for name, value in ENVIRONMENT.items():
        check(name, env.get(name) == value, env)
    check("seq", int(env["EYELET_SEQ"]) > 0)
    check("received", env["EYELET_RECEIVED"].endswith("Z"), env)
    check("nothing else of ours", "ASAN_OPTIONS" not in env
          and "HOME" not in env, env)
    st.op("destination.remove", destination="facts")


def statuses_decide(st):
    rows = {"ok": ("exit 0", "delivered", "status"),
            "never": ("echo why; exit 100", "dead", "status=100"),
            "later": ("exit 75", "dead", "status=75"),
            "other": ("exit 3", "dead", "status=3"),
            "signal": ("kill -SEGV $$", "dead", "SIGSEGV"),
            "late": ("sleep 600", "dead", "longer than 2s")}
    for name, (script, _, _) in rows.items():
        command(st, name, script, retry="none", timeout=2)
    st.destination("none", None, command=["/nonexistent/eyelet/command"],
                   retry="none")
    rows["none"] = ("", "dead", "no such file")
    st.accept("evt_statuses")
    for name, (_, word, says) in rows.items():
        line = st.wait_words(f"delivery={word} destination={name} ")[0]
        if word == "dead":
            check(name, says in line, line)
    check("rejected", st.show("never")["last_failure"] is not None)
    dead = {n: st.show(n)["counts"]["dead"] for n in rows}
    check("dead", all(dead[n] == (rows[n][1] == "dead") for n in rows), dead)
    for name in rows:
        st.op("destination.remove", destination=name)


def what_fails_is_run_again(st):
    """The attempt's number grows; the lock and the id stay."""
    command(st, "again", "echo $EYELET_ID $EYELET_ATTEMPT >>again; "
            "test $EYELET_ATTEMPT -ge 3 || exit 75")
    st.accept("evt_again")
    st.wait_words("delivery=delivered destination=again .*attempt=3")
    check("attempts", read(st, "again") ==
          b"evt_again 1\nevt_again 2\nevt_again 3\n", read(st, "again"))
    st.op("destination.remove", destination="again")


def they_run_one_at_a_time(st):
    """Unless more are asked for."""
    script = ("mkdir busy 2>/dev/null || echo two >>overlap; sleep 0.2; "
              "rmdir busy; echo $EYELET_SEQ >>{}")
    command(st, "one", script.format("one"))
    st.accept(*[f"evt_one{i}" for i in range(6)])
    wait_for("six runs", 60,
             lambda: len(read(st, "one").splitlines()) == 6, 0.05)
    check("no two at once", read(st, "overlap") == b"", read(st, "overlap"))
    seqs = [int(n) for n in read(st, "one").split()]
    check("in order", seqs == sorted(seqs), seqs)
    st.op("destination.remove", destination="one")
    command(st, "four", "date +%s.%N >>began; sleep 1", concurrency=4)
    st.accept(*[f"evt_four{i}" for i in range(4)])
    wait_for("four begin", 60,
             lambda: len(read(st, "began").splitlines()) == 4, 0.02)
    times = sorted(float(t) for t in read(st, "began").split())
    check("all at once", times[-1] - times[0] < 1, times)
    st.op("destination.remove", destination="four")


def a_stop_lets_it_end(st):
    """SIGTERM: what runs may end, and is written down; nothing more starts."""
    command(st, "slow", "echo $EYELET_ID >>slow; sleep 2; echo end >>slow")
    st.accept("evt_slow1", "evt_slow2")
    wait_for("the first", 60, lambda: read(st, "slow") != b"", 0.02)
    check("ends well", st.end_deliver() == 0)
    check("one ran to its end", read(st, "slow") == b"evt_slow1\nend\n",
          read(st, "slow"))
    figures = st.once()
    check("the second is left for the next", figures["delivered"] == 1,
          figures)
    check("both", read(st, "slow") == b"evt_slow1\nend\nevt_slow2\nend\n",
          read(st, "slow"))


def once_is_what_is_due(st):
    """--once: what failed is left, and said."""
    command(st, "fails", "exit 1", retry="1h")
    st.accept("evt_left1", "evt_left2")
    figures = st.once()
    # "slow" of before gets them too.
    check("failed", figures["failed"] == 2 and figures["left"] == 2, figures)
    began = time.monotonic()
    figures = st.once()
    check("nothing is due", figures["failed"] == 0 and figures["left"] == 2,
          figures)
    check("it does not wait", time.monotonic() - began < 30)


def many_lives_disable_as_one(st):
    """--once from cron: what failed in an earlier run counts on."""
    command(st, "lives", "exit 1", retry="none", disable_after=3)
    runs = 0
    while st.show("lives")["state"] != "disabled":
        check("in time", runs < 30)
        st.accept(f"evt_live{runs}")
        st.once()
        runs += 1
        time.sleep(1)
    check("not at once", runs > 1, runs)
    st.op("destination.resume", destination="lives")
    st.accept("evt_live_on")
    st.once()
    check("it has all its time again",
          st.show("lives")["state"] == "enabled")
    st.op("destination.remove", destination="lives")


def lock_of(st):
    """The process that delivers, or did so last."""
    with open(f"{st.store}/deliver.lock") as f:
        return int(f.read().split()[0])


def an_owner_is_started(st):
    """Where nobody has the store open."""
    command(st, "alone", "echo $EYELET_ID >>alone")
    st.accept("evt_alone")
    st.stop()
    wait_for("the owner to leave", 60, lambda: st.processes() == [], 0.05)
    figures = st.once()
    check("delivered", read(st, "alone") == b"evt_alone\n", figures)
    st.start()
    st.op("destination.remove", destination="alone")


def one_at_a_time(st):
    st.deliver()
    wait_for("it has the lock", 60, lambda: lock_of(st) == st.deliverer.pid)
    done = st.run("deliver", "--once", check=False)
    check("status", done.returncode == 75, done.returncode)
    check("a second one", f"process {st.deliverer.pid} delivers"
          in done.stderr, done.stderr)


def main():
    with DeliverStand() as st:
        st.work = f"{st.top}/work"
        os.mkdir(st.work, 0o777)
        st.deliver("-v")
        for part in (facts_are_given, statuses_decide,
                     what_fails_is_run_again, they_run_one_at_a_time,
                     a_stop_lets_it_end, once_is_what_is_due,
                     many_lives_disable_as_one,
                     an_owner_is_started, one_at_a_time):
            began = time.monotonic()
            part(st)
            print(f"{part.__name__}: {time.monotonic() - began:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
