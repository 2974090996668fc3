#!/usr/bin/env python3
"""What is delivered to real web servers over TLS, lighttpd and nginx, with a
certificate of an authority of the site's own: each event once, exactly, signed,
on kept connections; with the system's authorities none; and after the server was
away all of it."""
import json
import os
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from deliver_stand import (CA, DeliverStand, Sink, check, ids, signatures,
                           wait_for)
from machine import free_port
from stand import skip

EVENTS = 30

NGINX = """
daemon off; worker_processes 1; error_log {top}/nginx.err; pid {top}/nginx.pid;
events {{ worker_connections 256; }}
http {{
  log_format port '$remote_port';
  access_log {top}/nginx.ports port;
  client_body_temp_path {top}/nginx.body; proxy_temp_path {top}/nginx.1;
  fastcgi_temp_path {top}/nginx.2; uwsgi_temp_path {top}/nginx.3;
  scgi_temp_path {top}/nginx.4;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {cert}; ssl_certificate_key {key};
    location / {{ proxy_pass http://127.0.0.1:{sink}; }}
  }}
}}
"""

LIGHTTPD = """
server.document-root = "{top}"
server.bind = "127.0.0.1"
server.port = {port}
server.errorlog = "{top}/lighttpd.err"
server.modules = ( "mod_openssl", "mod_proxy", "mod_accesslog" )
accesslog.filename = "{top}/lighttpd.ports"
accesslog.format = "%{{remote}}p"
ssl.engine = "enable"
ssl.pemfile = "{cert}"
ssl.privkey = "{key}"
proxy.server = ( "" => (( "host" => "127.0.0.1", "port" => {sink} )) )
"""


class Front:
    """A web server that takes TLS and hands what comes to a sink."""

    SERVERS = {"nginx": (NGINX, ["nginx", "-p", "{top}", "-c"]),
               "lighttpd": (LIGHTTPD, ["lighttpd", "-D", "-f"])}

    def __init__(self, st, ca, name, sink_port):
        self.st, self.name, self.port = st, name, free_port()
        conf, command = self.SERVERS[name]
        cert, key = ca.issue()
        path = f"{st.top}/{name}.front"
        with open(path, "w") as f:
            f.write(conf.format(top=st.top, port=self.port, cert=cert, key=key,
                                sink=sink_port))
        self.command = [w.format(top=st.top) for w in command] + [path]
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self.process = subprocess.Popen(
            self.command, env=dict(os.environ, PATH=self.st.path()),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
        self.process = None

    def url(self, path):
        return f"https://localhost:{self.port}{path}"

    def ports(self):
        """From which port each request came; known once the server ended."""
        with open(f"{self.st.top}/{self.name}.ports") as f:
            return [line.strip() for line in f]


def add(st, name, url, *args):
    """By the program, as an operator does. Its secret."""
    said = st.tool("destination", "add", name, "--url", url, "--allow-net",
                   "127.0.0.0/8", "--retry", ",".join(["1s"] * 60),
                   "--concurrency", "1", *args, "--json")
    return json.loads(said)["value"]


def deliver_to(st, sink, front, ca):
    name, path = front.name, f"/{front.name}"
    secret = add(st, name, front.url(path), "--ca", ca.file)
    names = [f"evt_{name}{i}" for i in range(EVENTS)]
    st.accept(*names)
    got = sink.wait(EVENTS, path)
    check("each once", sorted(ids(got)) == sorted(names), ids(got))
    bodies = {json.loads(r.body)["id"]: r.body for r in got}
    check("its own body", all(bodies[i] == r.body for i, r in
                              zip(ids(got), got)))
    check("signed", all(signatures(secret, r) == 1 for r in got))

    front.stop()
    late = f"evt_{name}_late"
    st.accept(late)
    st.wait_words(f"delivery=failed destination={name} .*connect")
    front.start()
    wait_for("the one that came too early", 60,
             lambda: ids(sink.requests(path)).count(late) == 1, 0.05)

    # Whoever is not told of the authority takes the server for a stranger.
    add(st, f"{name}-stranger", front.url("/stranger"))
    st.accept(f"evt_{name}_stranger")
    st.wait_words(f"delivery=failed destination={name}-stranger .*tls: ")
    check("nothing came there", sink.requests("/stranger") == [])
    for one in (name, f"{name}-stranger"):
        st.tool("destination", "remove", one, "--yes")
    front.stop()
    ports = front.ports()
    check("all were asked of the server", len(ports) >= EVENTS, len(ports))
    check("connections are kept", len(set(ports)) < EVENTS / 3, set(ports))


def main():
    for program in Front.SERVERS:
        if shutil.which(program, path=DeliverStand.path()) is None:
            skip(f"no {program}")
    with DeliverStand() as st, Sink() as sink:
        ca = CA(st.top)
        st.deliver()
        for name in Front.SERVERS:
            began = time.monotonic()
            with Front(st, ca, name, sink.port) as front:
                deliver_to(st, sink, front, ca)
            print(f"{name}: {time.monotonic() - began:.1f} s")
        check("ends well", st.end_deliver() == 0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
