#!/usr/bin/env python3
"""Every command of README.md from "make install" to the first event, as root
on a machine of its own, once for each way that it shows: the sections "Install"
and "Behind ..." as they stand, then those that work with events, and last the
move from lighttpd's child to the service, with all that was there.

The machine is this one, seen through a layer that takes what is written (an
overlay, in mount, process and network namespaces): Debian's own web server,
configuration and init script, and nothing that stays. There is no systemd in
it; systemctl is played by this program.
"""
import sys
sys.dont_write_bytecode = True

import configparser
import grp
import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
import time

from readme_commands import commands, check_output
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from stand import BUILD, SOURCE, skip

DEBIANS = ("/usr", "/usr/local")  # prefixes that systemd looks below
EVENTS = ("Register", "Rotate", "Look")
MOVE = "From lighttpd's child to the service"
WAYS = {
    "lighttpd": ("Install", "The service", "Behind lighttpd", *EVENTS),
    "Apache": ("Install", "The service", "Behind Apache", *EVENTS),
    "nginx": ("Install", "The service", "Behind nginx", *EVENTS),
    "lighttpd's child": ("Install", "As lighttpd's child", *EVENTS, MOVE,
                         "Look"),
}
# After the move: an id that was accepted before it is known, what is new is
# taken, and the store does not count as a copy.
MOVED = (
    ("eyelet-scheme sign nomos --secret-file new.txt <event.json >headers.txt "
     "&& curl -H @headers.txt -H 'Content-Type: application/json' "
     "--data-binary @event.json http://127.0.0.1/hooks/shop",
     '{"status":"duplicate","id":"evt_1"}'),
    ("sed s/evt_1/evt_2/ event.json >two.json && eyelet-scheme sign nomos "
     "--secret-file new.txt <two.json >headers.txt && curl -H @headers.txt "
     "-H 'Content-Type: application/json' --data-binary @two.json "
     "http://127.0.0.1/hooks/shop", '{"status":"accepted","id":"evt_2"}'),
    ("eyelet-store status --json", '"healthy":true'),
    ("eyelet-secret reveal shop", "second-secret-0123456789abcdef"),
    ("find /var/lib/eyelet/store /var/lib/eyelet/keys ! -user eyelet | wc -l",
     "0\n"),
)
DONE = re.compile(r"apt-get |\./autogen\.sh|\./configure|make$")
# Who asks here comes from here, which is no loopback address.
AFAR = "192.0.2.1"
COMMAND_S = 120
WHOLE_S = 600
LOG = "/var/log/eyelet.log"  # of the service that systemctl starts


# --- outside ------------------------------------------------------------------

def run_all():
    if os.geteuid() != 0:
        skip("only root can have a machine of its own for each server")
    for tool in ("a2enmod", "lighty-enable-mod", "nginx", "ip"):
        if shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin") is None:
            sys.exit(f"no {tool}: apt-get install apache2 lighttpd nginx "
                     "iproute2")
    probe = subprocess.run(["unshare", "-mnp", "--fork", "true"],
                           capture_output=True, text=True)
    if probe.returncode != 0:
        skip(f"no namespaces here: {probe.stderr.strip()}")
    bad = 0
    for server in WAYS:
        top = tempfile.mkdtemp(prefix="eyelet-readme.")
        try:
            bad = bad or subprocess.run(
                ["unshare", "-mnp", "--fork", "--kill-child", sys.executable,
                 __file__, "--inside", top, server],
                stdin=subprocess.DEVNULL, timeout=WHOLE_S).returncode
        finally:
            shutil.rmtree(top)
    return bad


# --- inside -------------------------------------------------------------------

def mount(*args):
    subprocess.run(["mount", *args], check=True, timeout=COMMAND_S)


def enter(top):
    """What is written from here on is gone with this process."""
    mount("--make-rprivate", "/")
    mount("-t", "tmpfs", "none", top)
    for name in ("upper", "work", "root"):
        os.mkdir(f"{top}/{name}")
    root = f"{top}/root"
    mount("-t", "overlay", "none", root, "-o",
          f"lowerdir=/,upperdir={top}/upper,workdir={top}/work")
    for name in (BUILD, SOURCE):
        os.makedirs(root + name, exist_ok=True)
        mount("--rbind", name, root + name)
    if prefix() not in DEBIANS:  # perhaps within those two
        os.makedirs(root + prefix(), exist_ok=True)
        mount("-t", "tmpfs", "-o", "mode=755", "none", root + prefix())
    mount("--rbind", "/dev", f"{root}/dev")
    mount("-t", "proc", "none", f"{root}/proc")
    mount("-t", "tmpfs", "none", f"{root}/run")
    for words in ("link set lo up", f"addr add {AFAR}/32 dev lo"):
        subprocess.run(["ip", *words.split()], check=True, timeout=COMMAND_S)
    os.chroot(root)
    os.chdir("/")
    for name in ("lock", "lighttpd"):
        os.mkdir(f"/run/{name}")
    shutil.chown("/run/lighttpd", "www-data", "www-data")


def made_for(name):
    """What configure was told, or took by itself."""
    with open(f"{BUILD}/Makefile") as f:
        return re.search(rf"^{name} = (\S+)$", f.read(), re.M)[1]


def prefix():
    return made_for("prefix")


def here(command):
    """The README has Debian's places; this build may have others."""
    state = made_for("localstatedir").replace("${prefix}", prefix())
    command = command.replace("/var/lib/eyelet/", f"{state}/lib/eyelet/")
    return command.replace("/usr/share/doc/eyelet",
                           f"{prefix()}/share/doc/eyelet")


def play_systemctl():
    """An empty machine has none; its place is taken by this file."""
    path = "/usr/local/sbin/systemctl"
    with open(path, "w") as f:
        f.write(f"#!/bin/sh\nexec {sys.executable} {__file__} --systemctl "
                '"$@"\n')
    os.chmod(path, 0o755)


def unit(name):
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str
    for folder in ("/usr/lib", "/usr/local/lib", f"{prefix()}/lib"):
        if parser.read(f"{folder}/systemd/system/{name}"):
            return parser
    sys.exit(f"systemctl: there is no unit {name}")


def systemctl(*args):
    if args == ("daemon-reload",):
        return
    if args != ("enable", "--now", "eyelet.socket", "eyelet.service"):
        sys.exit(f"systemctl: not played here: {args}")
    socket_unit, service = unit("eyelet.socket"), unit("eyelet.service")
    where = socket_unit["Socket"]["ListenStream"]
    os.makedirs(os.path.dirname(where), 0o755, exist_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(where)
    os.chown(where, pwd.getpwnam(socket_unit["Socket"]["SocketUser"]).pw_uid,
             grp.getgrnam(socket_unit["Socket"]["SocketGroup"]).gr_gid)
    os.chmod(where, int(socket_unit["Socket"]["SocketMode"], 8))
    listening.listen(int(socket_unit["Socket"]["Backlog"]))
    if os.fork() != 0:
        return
    os.setsid()
    with open(LOG, "ab") as log:
        for fd in (1, 2):
            os.dup2(log.fileno(), fd)
    os.dup2(os.open("/dev/null", os.O_RDWR), 0)
    os.dup2(listening.fileno(), 3)
    os.set_inheritable(3, True)
    user = pwd.getpwnam(service["Service"]["User"])
    os.initgroups(user.pw_name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    program = service["Service"]["ExecStart"]
    os.execve(program, [program], {"LISTEN_FDS": "1",
                                   "LISTEN_PID": str(os.getpid())})


def healthy():
    """As an operator would: looks until it is up."""
    for _ in range(600):
        done = subprocess.run(
            ["curl", "-sS", "http://127.0.0.1/hooks/healthz"],
            capture_output=True, text=True, timeout=COMMAND_S)
        if done.stdout.startswith('{"status":"ok"'):
            return
        time.sleep(0.1)
    with open(LOG) as log:
        sys.exit(f"FAIL: not healthy: {done.stdout}{done.stderr}{log.read()}")


def inside(top, server):
    try:
        enter(top)
    except (OSError, subprocess.CalledProcessError) as e:
        skip(f"no overlay here: {e}")
    play_systemctl()
    place = prefix()
    work = tempfile.mkdtemp()
    for name, text in (("secret.txt", "first-secret-0123456789abcdef\n"),
                       ("new.txt", "second-secret-0123456789abcdef\n")):
        with open(f"{work}/{name}", "w") as f:
            f.write(text)
    env = dict(os.environ, HOME="/root", top_builddir=BUILD,
               PATH=f"{place}/sbin:/usr/local/sbin:/usr/sbin:/usr/bin:"
                    "/sbin:/bin")
    for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "EYELET_CONFIG"):
        env.pop(name, None)
    ran = 0
    shown = list(commands(f"{SOURCE}/README.md"))
    for command in [command for way in WAYS[server]
                    for section, command in shown if section == way]:
        if DONE.match(command):
            continue  # that is how the tests came to be here
        said = command
        command = here(command)
        if place not in DEBIANS:
            for kind in ("sysusers", "tmpfiles"):
                command = re.sub(rf"^(systemd-{kind} .*)(eyelet\.conf)$",
                                 rf"\1{place}/lib/{kind}.d/\2", command)
        if said == "make install":
            command += " -s"
        if said == "curl http://127.0.0.1/hooks/healthz":
            healthy()
        done = subprocess.run(
            ["sh", "-c", command], env=env, stdin=subprocess.DEVNULL,
            cwd=BUILD if said == "make install" else work,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=COMMAND_S)
        wrong = (f"status {done.returncode}" if done.returncode != 0
                 else check_output(said, done.stdout))
        if wrong:
            print(f"FAIL: {server}: {said}: {wrong}: {done.stdout}")
            return 1
        ran += 1
        if said.startswith("curl -H"):
            said = said.replace("127.0.0.1", AFAR)
            done = subprocess.run(
                ["sh", "-c", said], env=env, cwd=work, capture_output=True,
                text=True, timeout=COMMAND_S)
            if "HTTPS is required" not in done.stdout:
                print(f"FAIL: {server}: from afar: {done.stdout}")
                return 1
    for command, says in MOVED if MOVE in WAYS[server] else ():
        done = subprocess.run(
            ["sh", "-c", here(command)], env=env, cwd=work,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=COMMAND_S)
        if done.returncode != 0 or says not in done.stdout:
            print(f"FAIL: moved: {command}: {done.stdout}, not {says}")
            return 1
    print(f"{server}: {ran} commands, from \"make install\" to events")
    return 0 if ran >= 18 else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        sys.exit(inside(*sys.argv[2:]))
    elif sys.argv[1:2] == ["--systemctl"]:
        systemctl(*sys.argv[2:])
    else:
        sys.exit(run_all())
