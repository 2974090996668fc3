#!/usr/bin/env python3
"""What eyelet-deliver delivers a second to an HTTPS sink that keeps its
connections, beside plain libcurl that posts the same without a store; and how
long an event takes from its post to its arrival (it is accepted in between), with
nothing else to do and at half of that rate.

    deliver.py [--effort=short|normal|long]

Both post to one nginx and are measured in turns in one run, by the times that
nginx notes, so that the ratio holds on a shared machine. Only long gives
figures to quote; the others prove that it runs.
"""
import os
import shutil
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from deliver_stand import CA, DeliverStand, Sink, check
from machine import free_port
from stand import BUILD, effort, end_load, skip, wait_for

CONCURRENCY = 64
BODY = 1024
NGINX = """
daemon off; worker_processes 1; error_log {top}/nginx.err; pid {top}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  log_format at '$msec';
  client_body_temp_path {top}/nginx.body; proxy_temp_path {top}/nginx.1;
  fastcgi_temp_path {top}/nginx.2; uwsgi_temp_path {top}/nginx.3;
  scgi_temp_path {top}/nginx.4;
  keepalive_requests 100000000; keepalive_timeout 300s;
  server {{
    listen 127.0.0.1:{port} ssl backlog=1024;
    ssl_certificate {cert}; ssl_certificate_key {key};
    {places}
  }}
}}
"""
PLACE = "location /{name} {{ access_log {top}/at.{name} at buffer=64k " \
        "flush=1s; return 200; }}"


class Front:
    """nginx that takes everything; one place for each measurement."""

    def __init__(self, st, ca, names):
        self.top, self.port = st.top, free_port()
        cert, key = ca.issue()
        with open(f"{self.top}/nginx.conf", "w") as f:
            f.write(NGINX.format(
                top=self.top, port=self.port, cert=cert, key=key,
                places="\n".join(PLACE.format(name=n, top=self.top)
                                 for n in names)))
        self.process = subprocess.Popen(
            ["nginx", "-c", f"{self.top}/nginx.conf", "-p", self.top],
            env=dict(os.environ, PATH=st.path()), stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    def url(self, name):
        return f"https://localhost:{self.port}/{name}"

    def times(self, name):
        with open(f"{self.top}/at.{name}") as f:
            return [float(line) for line in f if line.endswith("\n")]

    def rate(self, name, count):
        """Posts a second, by the first and the last that came."""
        wait_for(f"{count} posts for {name}", 300,
                 lambda: len(self.times(name)) >= count, 0.2)
        times = self.times(name)
        check("no more came", len(times) == count, len(times))
        return count / (max(times) - min(times))

    def close(self):
        self.process.terminate()
        self.process.wait(20)


def fill(st, count):
    """So many events in the log."""
    load = st.load("fill", connections=32, body=BODY, count=count,
                   journal=None)
    figures = end_load(load, leave=False)
    check("the log is filled", figures["broken"] == 0, figures)


def delivered(st, front, ca, name, count):
    """Everything in the log to one destination."""
    st.destination(name, front.url(name), ca=ca.file, from_seq=1,
                   concurrency=CONCURRENCY)
    got = front.rate(name, count)
    st.op("destination.remove", destination=name)
    return got


def bare(front, ca, name, count):
    subprocess.run([f"{BUILD}/tests/bench/post_bare", front.url(name), ca.file,
                    str(count), str(CONCURRENCY), str(BODY)], check=True,
                   stdout=subprocess.DEVNULL, timeout=300)
    return front.rate(name, count)


def rates(count, rounds):
    """Deliveries a second; the ratio."""
    names = [f"{kind}{i}" for i in range(rounds) for kind in "db"]
    with DeliverStand() as st:
        ca = CA(st.top)
        front = Front(st, ca, names)
        try:
            fill(st, count)
            st.deliver()
            pairs = []
            for i in range(rounds):
                pairs.append((delivered(st, front, ca, f"d{i}", count),
                              bare(front, ca, f"b{i}", count)))
                print("eyelet-deliver {:.0f}/s, bare libcurl {:.0f}/s"
                      .format(*pairs[-1]), flush=True)
            check("ends well", st.end_deliver() == 0)
        finally:
            front.close()
    ours = statistics.median(p[0] for p in pairs)
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"deliveries: {ours:.0f}/s, {ratio:.2f} of bare libcurl "
          f"(median of {rounds} pairs, {count} events of {BODY} bytes)")
    return ours


def quantiles(ms):
    ms.sort()
    return ms[len(ms) // 2], ms[min(len(ms) - 1, len(ms) * 99 // 100)]


def latency(count, rate):
    """Of single events, while so many others a second go somewhere else."""
    with DeliverStand() as st:
        ca = CA(st.top)
        front = Front(st, ca, ["load"])
        try:
            with Sink(tls=ca.issue()) as sink:
                st.tool("endpoint", "add", "probe", "--scheme", "nomos",
                        "--secret-file", f"{st.top}/secret")
                st.destination("probe", sink.url("/probe"), ca=ca.file,
                               endpoints="probe")
                st.destination("load", front.url("load"), ca=ca.file,
                               endpoints="shop", concurrency=CONCURRENCY)
                st.deliver()
                load = st.load("half", connections=16, body=BODY, rate=rate,
                               journal=None) if rate else None
                ms = [probe(st, sink, i) for i in range(count)]
                if load is not None:
                    sent = end_load(load)
                    check("the load was taken", sent["broken"] == 0, sent)
                check("ends well", st.end_deliver() == 0)
        finally:
            front.close()
    p50, p99 = quantiles(ms[len(ms) // 10:])  # the first ones connect
    print(f"posted to delivered, {rate or 'nothing'} else a second: "
          f"p50 {p50:.2f} ms, p99 {p99:.2f} ms", flush=True)


def probe(st, sink, i):
    """From before it is posted: a little more than was promised."""
    posted = time.time()
    st.accept(f"evt_probe{i}", endpoint="probe")
    came = sink.wait(i + 1, "/probe")[i].at
    time.sleep(0.01)
    return (came - posted) * 1000


def main():
    if shutil.which("nginx", path=DeliverStand.path()) is None:
        skip("no nginx: apt-get install nginx")
    ours = rates(effort(500, 2000, 50000), effort(1, 2, 7))
    count = effort(20, 50, 1000)
    latency(count, None)
    latency(count, int(ours / 2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
