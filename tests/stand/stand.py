"""A test stand: a store, an endpoint, lighttpd with eyelet.fcgi behind it.

Everything lives in one temporary folder and is gone after close(). Nothing
here waits without a limit.
"""
import hashlib
import hmac
import json
import mmap
import os
import pwd
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

from machine import ME, free_port

BUILD = os.path.abspath(os.environ.get("top_builddir", "."))
SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
PROGRAM = f"{BUILD}/cgi/eyelet.fcgi"
SECRET = "stand-secret-0123456789abcdef"
CALL_S = 120  # no tool takes longer
LOAD_S = 900  # nor a load sender with an end
REPLY_S = 30  # no request waits longer: 5 s and 503 is what is promised
START_S = 60  # nor does a web server until it answers

EFFORTS = ("short", "normal", "long")


def effort(short, normal, long):
    """What EYELET_EFFORT asks for; an argument --effort=... goes first."""
    asked = os.environ.get("EYELET_EFFORT", "normal")
    for arg in sys.argv[1:]:
        if arg.startswith("--effort="):
            asked = arg.removeprefix("--effort=")
    if asked not in EFFORTS:
        sys.exit(f"effort {asked}: must be one of {', '.join(EFFORTS)}")
    return {"short": short, "normal": normal, "long": long}[asked]


def skip(words):
    print("SKIP:", words)
    sys.exit(77)


def wait_for(what, seconds, condition, step=0.005):
    """Returns how long it took; raises when it does not come true."""
    began = time.monotonic()
    while True:
        if condition():
            return time.monotonic() - began
        if time.monotonic() - began > seconds:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(step)


class Board:
    """The counters that a load sender shows while it runs (load.h)."""

    NAMES = ("sent", "acked", "in_flight", "broken", "timed_out",
             "last_ack_ns", "twice")

    def __init__(self, path):
        with open(path, "w+b") as f:
            f.truncate(8 * len(self.NAMES))
            self.map = mmap.mmap(f.fileno(), 8 * len(self.NAMES))

    def __getattr__(self, name):
        at = 8 * self.NAMES.index(name)
        return struct.unpack_from("<Q", self.map, at)[0]


class Disk:
    """The controls of disk.so (disk.h)."""

    NAMES = ("fail_syncs", "full", "sync_delay_us", "failed_syncs",
             "failed_writes", "syncs", "writes", "bytes", "log_end")

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(f"{folder}/grave")
        for name in ("log", "control"):
            open(f"{folder}/{name}", "wb").close()
        with open(f"{folder}/control", "r+b") as f:
            f.truncate(8 * len(self.NAMES))
            self.map = mmap.mmap(f.fileno(), 8 * len(self.NAMES))
        for path in (folder, f"{folder}/grave"):
            os.chmod(path, 0o777)
        for name in ("log", "control"):
            os.chmod(f"{folder}/{name}", 0o666)

    def get(self, name):
        return struct.unpack_from("<q", self.map, 8 * self.NAMES.index(name))[0]

    def set(self, name, value):
        struct.pack_into("<q", self.map, 8 * self.NAMES.index(name), value)

    def cut(self, how, seed):
        """After everything was killed. How many pieces were taken back."""
        done = subprocess.run(
            [f"{BUILD}/tests/fault/disk_cut", self.folder, how, str(seed)],
            check=True, capture_output=True, text=True, timeout=CALL_S)
        return int(done.stdout.split("synced, ")[1].split()[0])


class Clock:
    """The clocks of what is preloaded with it (fake_clock.h)."""

    def __init__(self, folder):
        os.mkdir(folder)
        self.library = f"{folder}/fake_clock.so"
        shutil.copy(f"{BUILD}/tests/stand/fake_clock.so", self.library)
        with open(f"{folder}/clock", "w+b") as f:
            f.truncate(56)
            self.map = mmap.mmap(f.fileno(), 56)
        for path in (folder, self.library):
            os.chmod(path, 0o755)

    def set(self, wall_s=None, boot_s=None, boot=None):
        """What the machine's clocks are ahead by, and the id of its boot."""
        if wall_s is not None:
            struct.pack_into("<q", self.map, 0, round(wall_s * 1000))
        if boot_s is not None:
            struct.pack_into("<q", self.map, 8, round(boot_s * 1000))
        if boot is not None:
            struct.pack_into("40s", self.map, 16, boot.encode())

    def wall_s(self):
        """The time that the programs see."""
        return time.time() + struct.unpack_from("<q", self.map, 0)[0] / 1000


def need_the_tree(user):
    """Skips where a user whom tests run programs as may not enter it."""
    for folder in (SOURCE, BUILD) if user is not None else ():
        if subprocess.run(["setpriv", f"--reuid={user}", "--clear-groups",
                           f"--regid={pwd.getpwnam(user).pw_gid}", "test",
                           "-x", folder], timeout=CALL_S).returncode != 0:
            skip(f"{user} may not enter {folder}; tests/run.sh works on a "
                 "copy for everybody")


class Stand:
    def __init__(self, disk=False, user=None, settings=None, size=None,
                 program=PROGRAM, clock=False):
        """user: who the service runs as (root only); default: who we are.

        clock: whatever is started sees the clocks of self.clock.

        size: of a file system of its own for the store; OSError where we may
        not mount one.
        """
        if not os.path.exists(program):
            sys.exit(f"{program} is not built")
        self.program = program
        if shutil.which("lighttpd", path=self.path()) is None:
            skip("no lighttpd: apt-get install lighttpd")
        self.user = user
        need_the_tree(user)
        self.top = tempfile.mkdtemp(prefix="eyelet-stand.")
        os.chmod(self.top, 0o755)
        self.web = self.service = self.listening = self.port = None
        self.loads = []
        self.beside = {}  # of the environment that the service runs in
        self.env = dict(os.environ, ASAN_OPTIONS=":".join(
            [os.environ.get("ASAN_OPTIONS", ""), "verify_asan_link_order=0"]))
        self.env.pop("EYELET_CONFIG", None)
        self.conf = f"{self.top}/eyelet.conf"
        self.home = f"{self.top}/home"
        self.store = f"{self.home}/store"
        self.log = f"{self.top}/lighttpd.log"
        os.mkdir(self.home)
        self.mounted = False
        if size is not None:
            self.mount(size)
        self.own(self.home)
        self.disk = Disk(f"{self.top}/disk") if disk else None
        self.clock = Clock(f"{self.top}/clock") if clock else None
        if clock:
            self.env["LD_PRELOAD"] = self.clock.library
        self.write_conf(settings or {})
        with open(f"{self.top}/secret", "w") as f:
            f.write(SECRET + "\n")
        self.tool("store", "init", "--user", user or ME)

    @staticmethod
    def path():
        return os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"

    def mount(self, size):
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "none",
             self.home], capture_output=True, text=True, timeout=CALL_S)
        if done.returncode != 0:
            shutil.rmtree(self.top)
            raise OSError(done.stderr.strip())
        self.mounted = True

    def own(self, path):
        if self.user is not None:
            who = pwd.getpwnam(self.user)
            os.chown(path, who.pw_uid, who.pw_gid)

    def as_user(self, command):
        if self.user is None:
            return command
        who = pwd.getpwnam(self.user)
        return ["setpriv", f"--reuid={who.pw_uid}", f"--regid={who.pw_gid}",
                "--init-groups", *command]

    def write_conf(self, settings):
        sections = {
            "store": {"path": self.store,
                      "key_file": f"{self.home}/keys/store.key",
                      "floor": "1m", "ballast": "0"},
            "schemes": {"path": f"{SOURCE}/conf/schemes"},
            "process": {"program": self.program},
        }
        for name, value in settings.items():
            section, key = name.split(".")
            sections.setdefault(section, {})[key] = value
        with open(self.conf, "w") as f:
            for section, keys in sections.items():
                f.write(f"[{section}]\n")
                for key, value in keys.items():
                    f.write(f"{key} = {value}\n")

    # --- tools ---------------------------------------------------------------

    @staticmethod
    def tool_path(noun):
        return f"{BUILD}/admin/eyelet-{noun}"

    def run(self, noun, *args, check=True, as_root=False, stdin=""):
        command = [self.tool_path(noun), "-c", self.conf, *args]
        if not as_root:
            command = self.as_user(command)
        done = subprocess.run(command, env=self.env, input=stdin,
                              capture_output=True, text=True, timeout=CALL_S)
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: status "
                               f"{done.returncode}: {done.stderr.strip()}")
        return done

    def tool(self, noun, *args, **how):
        return self.run(noun, *args, **how).stdout

    def rows(self, noun, *args):
        """Each line of --json output, as it comes (there may be many)."""
        command = self.as_user([self.tool_path(noun), "-c", self.conf,
                                *args, "--json"])
        with subprocess.Popen(command, env=self.env,
                              stdout=subprocess.PIPE) as p:
            for line in p.stdout:
                yield json.loads(line)
            if p.wait(CALL_S) != 0:
                raise RuntimeError(f"{' '.join(command)}: status "
                                   f"{p.returncode}")

    def store_status(self):
        """The row of eyelet-store status, which ends with 1 when the store
        is not healthy."""
        done = self.run("store", "status", "--json", check=False)
        if done.returncode not in (0, 1) or not done.stdout:
            raise RuntimeError(f"eyelet-store status: {done.returncode}: "
                               f"{done.stderr.strip()}")
        return json.loads(done.stdout)

    def add_endpoint(self, name="shop"):
        self.tool("endpoint", "add", name, "--scheme", "nomos",
                  "--secret-file", f"{self.top}/secret")

    # --- the web server ------------------------------------------------------

    def start(self, program=None, supervised=False):
        """Starts lighttpd, which starts eyelet.fcgi (or another program).

        supervised: we start it instead and keep its socket, as systemd does;
        start_service() is called for each further one.
        """
        command = program or f"{self.program} -c {self.conf}"
        service = {"ASAN_OPTIONS": self.env["ASAN_OPTIONS"], **self.beside}
        preloaded = [service["LD_PRELOAD"]] if "LD_PRELOAD" in service else []
        if self.clock is not None:
            preloaded.append(self.clock.library)
        if self.disk is not None:
            preloaded.append(f"{BUILD}/tests/fault/disk.so")
            service.update({"EYELET_DISK_STORE": self.store,
                            "EYELET_DISK_LOG": self.disk.folder})
        if preloaded:
            service["LD_PRELOAD"] = ":".join(preloaded)
        backend = ""
        if supervised:
            self.service_env = dict(self.env, **service)
            self.listening = socket.socket(socket.AF_UNIX)
            self.listening.bind(f"{self.home}/fcgi")
            self.listening.listen(1024)
            self.own(f"{self.home}/fcgi")
            self.start_service()
        else:
            pairs = ", ".join(f'"{k}" => "{v}"' for k, v in service.items())
            backend = f"""
  "bin-path" => "{command}",
  "bin-environment" => ({pairs}),
  "max-procs" => 1,"""
        if self.port is None:
            self.port = free_port()
        with open(f"{self.top}/lighttpd.conf", "w") as f:
            f.write(f'''
server.bind = "127.0.0.1"
server.port = {self.port}
server.document-root = "{self.home}"
server.modules = ( "mod_fastcgi" )
server.max-keep-alive-requests = 1000000
server.max-keep-alive-idle = 60
fastcgi.server = ( "/hooks" => (({backend}
  "socket" => "{self.home}/fcgi",
  "check-local" => "disable" )) )
''')
        # lighttpd starts itself anew when the clock is set.
        web_env = {k: v for k, v in self.env.items() if k != "LD_PRELOAD"}
        with open(self.log, "ab") as log:
            self.own(self.log)
            self.web = subprocess.Popen(
                self.as_user(["lighttpd", "-D", "-f",
                              f"{self.top}/lighttpd.conf"]),
                env=dict(web_env, PATH=self.path()), stdout=log, stderr=log,
                stdin=subprocess.DEVNULL)
        return wait_for("lighttpd answers", START_S, self.answers)

    def start_service(self):
        """One eyelet.fcgi on the socket that we keep."""
        if self.service is not None:
            self.service.wait(10)
        with open(self.log, "ab") as log:
            self.service = subprocess.Popen(
                self.as_user([self.program, "-c", self.conf]),
                env=self.service_env, stdin=self.listening, stdout=log,
                stderr=log)

    def answers(self):
        if self.web.poll() is not None:
            raise RuntimeError(f"lighttpd left: {self.tail()}")
        try:
            return self.get("/hooks/healthz")[0] == 200
        except OSError:
            return False

    def http(self, request, body=b""):
        """Status, headers in lower case, body; 0 when the connection broke."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as s:
            s.settimeout(REPLY_S)
            s.sendall((request + "Connection: close\r\n\r\n").encode() + body)
            with s.makefile("rb") as f:
                text = f.read()
        head, _, rest = text.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        words = lines[0].split()
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        return int(words[1]) if len(words) > 1 else 0, headers, rest

    def get(self, path):
        return self.http(f"GET {path} HTTP/1.1\r\nHost: stand\r\n")

    def post(self, event_id, endpoint="shop", secret=SECRET, now=None):
        """One signed event, by the rules of Nomos."""
        body = json.dumps({"id": event_id, "topic": "order.paid"}).encode()
        stamp = str(int(now or time.time()))
        mac = hmac.new(secret.encode(), stamp.encode() + b"." + body,
                       hashlib.sha256).hexdigest()
        return self.http(
            f"POST /hooks/{endpoint} HTTP/1.1\r\nHost: stand\r\n"
            f"X-Nomos-Signature: t={stamp},v1={mac}\r\n"
            "Content-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n", body)

    def status(self, event_id, **how):
        """The word of the answer to an event, or its status code."""
        status, _, body = self.post(event_id, **how)
        if 200 <= status < 300:
            return json.loads(body)["status"]
        return status

    def tail(self, lines=40):
        """The end of the web server's log, but for good requests."""
        try:
            with open(self.log, errors="replace") as f:
                return "".join([line for line in f
                                if " status=200 " not in line][-lines:])
        except OSError:
            return ""

    def starts(self):
        """How often an eyelet.fcgi became the owner of the store."""
        with open(self.log, errors="replace") as f:
            return f.read().count("this process owns the store")

    def processes(self):
        """Every eyelet.fcgi of this stand, and nobody else's."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    args = f.read().split(b"\0")
            except OSError:
                continue
            if args[0] == self.program.encode() and self.conf.encode() in args:
                found.append(int(pid))
        return found

    @staticmethod
    def kill(pids, sig=signal.SIGKILL):
        for pid in pids:
            try:
                os.kill(pid, sig)
            except ProcessLookupError:
                pass

    @staticmethod
    def kill_and_wait(pids):
        """Until they are gone with all their files, not only from sight."""
        ends = []
        for pid in pids:
            try:
                ends.append(os.pidfd_open(pid))
                signal.pidfd_send_signal(ends[-1], signal.SIGKILL)
            except ProcessLookupError:
                pass
        for end in ends:
            if not select.select([end], [], [], 10)[0]:
                raise TimeoutError("a killed process does not die")
            os.close(end)

    def cut_power(self):
        """Web server and eyelet die at once, before either can clean up."""
        self.web.kill()
        self.kill_and_wait(self.processes())
        self.web.wait(10)
        self.kill_and_wait(self.processes())

    def stop(self):
        if self.web is not None and self.web.poll() is None:
            self.web.terminate()
            try:
                self.web.wait(10)
            except subprocess.TimeoutExpired:
                self.web.kill()
                self.web.wait(10)
        self.web = None

    def close(self):
        for load in self.loads:
            if load.poll() is None:
                load.kill()
                load.wait(10)
        self.stop()
        self.kill(self.processes())
        if self.service is not None:
            self.service.wait(10)
        if self.listening is not None:
            self.listening.close()
        if self.mounted:
            subprocess.run(["umount", "-l", self.home], check=True,
                           timeout=CALL_S)
        shutil.rmtree(self.top, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None and kind is not SystemExit:
            print("the web server's last words:", self.tail(), sep="\n")
        self.close()

    # --- load ----------------------------------------------------------------

    def load(self, name="load", endpoint="shop", **options):
        """Starts a load sender. Its board, journal and words by its name."""
        board = Board(f"{self.top}/{name}.board")
        options = {"port": self.port, "path": f"/hooks/{endpoint}",
                   "secret-file": f"{self.top}/secret",
                   "board": f"{self.top}/{name}.board",
                   "journal": f"{self.top}/{name}.journal", **options}
        command = [f"{BUILD}/tests/stand/load"]
        for key, value in options.items():
            if value is not None:
                command += [f"--{key}", str(value)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        process.board = board
        process.journal = f"{self.top}/{name}.journal"
        self.loads.append(process)
        return process


def end_load(load, leave=True):
    """Lets it finish what is under way, or (leave=False) all that it was asked
    for. Its figures, by their first word."""
    if leave and load.poll() is None:
        load.send_signal(signal.SIGTERM)
    words, _ = load.communicate(timeout=CALL_S if leave else LOAD_S)
    figures = {}
    for line in words.splitlines():
        first, _, rest = line.partition(" ")
        figures[first] = int(rest) if rest.isdigit() else rest
    if "broken" not in figures:
        raise RuntimeError(f"load: status {load.returncode}: {words}")
    return figures


def journal_ids(path):
    """The acknowledged ids; a line cut off at the end was not yet synced."""
    with open(path) as f:
        return {line.split()[0] for line in f if line.endswith("\n")}


def compare(stand, journals):
    """What the senders were told against what the store holds."""
    acked = set()
    for path in journals:
        acked |= journal_ids(path)
    held = {}
    for row in stand.rows("event", "list", "--limit", "0"):
        held[row["id"]] = held.get(row["id"], 0) + 1
    return {"acked": len(acked), "held": len(held),
            "lost": sorted(acked - held.keys()),
            "twice": sorted(i for i, n in held.items() if n > 1)}
