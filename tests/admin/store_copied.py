#!/usr/bin/env python3
"""A copy of a store delivers nothing until it is adopted, however it was made
and however it is looked at; a store that was only moved, mounted elsewhere or
started again is no copy. And an owner that an administrator's look started
delivers nothing either."""
import hashlib
import hmac
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from sink import Answer, Sink
from stand import BUILD, CALL_S, ME, PROGRAM, SECRET, SOURCE, effort, wait_for

EVENTS = 5
QUIET_S = effort(1, 1, 8)  # before, all of it had gone out by then
SOON_S = 60
INSIDE = "--in-a-mount-namespace"


def check(holds, *words):
    if not holds:
        raise AssertionError(" ".join(map(str, words)))


def shell(*command, **how):
    return subprocess.run(command, check=True, capture_output=True, text=True,
                          timeout=CALL_S, **how).stdout


class Place:
    """A store folder, and a configuration of its own for it."""

    def __init__(self, top, name, folder=None, **settings):
        self.folder = folder or f"{top}/{name}"
        self.conf = f"{top}/{name}.conf"
        self.key = f"{top}/keys/store.key"
        self.configure(**settings)
        self.started = []

    def configure(self, mode="child", copied=None):
        more = "" if copied is None else f"copied = {copied}\n"
        with open(self.conf, "w") as f:
            f.write(f"""[store]
path = {self.folder}
key_file = {self.key}
floor = 1m
ballast = 0
[schemes]
path = {SOURCE}/conf/schemes
[process]
program = {PROGRAM}
[deliver]
mode = {mode}
program = {BUILD}/admin/eyelet-deliver
{more}""")

    def run(self, noun, *args, stdin=""):
        return subprocess.run(
            [f"{BUILD}/admin/eyelet-{noun}", "-c", self.conf, *args],
            input=stdin, capture_output=True, text=True, timeout=CALL_S)

    def do(self, noun, *args, **how):
        done = self.run(noun, *args, **how)
        check(done.returncode == 0, noun, *args, done)
        return done

    def rows(self, noun, *args):
        out = self.do(noun, *args, "--json").stdout
        return [json.loads(line) for line in out.splitlines()]

    def request(self, event_id):
        """A web server's request, by CGI."""
        body = json.dumps({"id": event_id, "topic": "order.paid"}).encode()
        stamp = str(int(time.time()))
        mac = hmac.new(SECRET.encode(), stamp.encode() + b"." + body,
                       hashlib.sha256).hexdigest()
        env = {k: v for k, v in os.environ.items()
               if k.endswith("SAN_OPTIONS")}
        env.update(EYELET_CONFIG=self.conf, GATEWAY_INTERFACE="CGI/1.1",
                   REQUEST_METHOD="POST", PATH_INFO="/shop",
                   SCRIPT_NAME="/hooks", REMOTE_ADDR="127.0.0.1",
                   SERVER_PROTOCOL="HTTP/1.1", CONTENT_LENGTH=str(len(body)),
                   HTTP_X_NOMOS_SIGNATURE=f"t={stamp},v1={mac}")
        done = subprocess.run([PROGRAM], env=env, input=body,
                              capture_output=True, timeout=CALL_S)
        check(b'"accepted"' in done.stdout, event_id, done)

    def start(self, *command):
        """A program that runs on; what it says goes to the file CONF.log."""
        with open(f"{self.conf}.log", "ab") as log:
            self.started.append(subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        return self.started[-1]

    def said(self, words):
        with open(f"{self.conf}.log", errors="replace") as f:
            return f.read().count(words)

    def stop(self):
        """Owner and deliverer, by their pids."""
        end_all(self.conf)
        for started in self.started:
            started.wait(SOON_S)
        self.started = []

    def status(self):
        done = self.run("store", "status", "--json")
        row = json.loads(done.stdout)
        check(done.returncode == (1 if row["deliveries_held"] else 0), done)
        check(("adopt" in done.stderr) == row["deliveries_held"], done)
        return row["copy"], row["deliveries_held"]

    def expect(self, copy, held, *words):
        status = self.status()
        check(status == (copy, held), *words, status)


def end_all(start):
    """Every program of eyelet whose configuration's name begins so; those that
    deliver first, since they write down what came of it."""
    for program in ("eyelet-deliver", "eyelet"):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    args = os.fsdecode(f.read()).split("\0")
                if args[0].startswith(BUILD) and \
                        os.path.basename(args[0]).startswith(program) and \
                        any(a.startswith(start) for a in args):
                    end = os.pidfd_open(int(pid))
                    signal.pidfd_send_signal(end, signal.SIGTERM)
                    check(select.select([end], [], [], SOON_S)[0], args)
                    os.close(end)
            except (FileNotFoundError, ProcessLookupError):
                continue


class Rig:
    def __init__(self, top, sink):
        self.top, self.sink = top, sink
        os.makedirs(f"{top}/master")
        st = Place(f"{top}/master", "store", mode="off")
        self.secret = f"{top}/secret"
        with open(self.secret, "w") as f:
            f.write(SECRET + "\n")
        st.do("store", "init", "--user", ME)
        st.do("endpoint", "add", "shop", "--scheme", "nomos", "--secret-file",
              self.secret)
        st.do("destination", "add", "crm", "--url", sink.url("/crm"),
              "--allow-http", "--allow-net", "127.0.0.0/8", "--retry",
              "1s,1s")
        for i in range(EVENTS):
            st.request(f"evt_{i}")
        st.stop()
        self.n = 0

    def fresh(self, name="store"):
        """A store with a backlog that is no copy, as adopt makes it so."""
        self.n += 1
        top = f"{self.top}/{self.n}"
        os.mkdir(top)
        shutil.copytree(f"{self.top}/master/keys", f"{top}/keys")
        shell("cp", "-a", f"{self.top}/master/store", f"{top}/{name}")
        st = Place(top, name, mode="off")
        st.do("store", "adopt")
        st.expect("no", False, "adopted")
        st.stop()
        st.configure()
        return st

    def delivered(self):
        return len(self.sink.requests("/crm"))

    def quiet(self, before, *words):
        time.sleep(QUIET_S)
        check(self.delivered() == before, *words, "delivered",
              self.delivered() - before)

    def all_out(self, before, count, *words):
        try:
            wait_for("the backlog", SOON_S,
                     lambda: self.delivered() - before >= count, 0.05)
        except TimeoutError:
            pass
        check(self.delivered() - before == count, *words, "delivered",
              self.delivered() - before, "of", count)


# --- copies ------------------------------------------------------------------

def whole_life(rig):
    """cp -a, and every way by which deliveries leave a store."""
    old = rig.fresh()
    st = Place(os.path.dirname(old.folder), "copy")
    shell("cp", "-a", old.folder, st.folder)
    before = rig.delivered()

    st.expect("yes", True, "cp -a")
    rig.quiet(before, "status of a copy")
    st.request("evt_front")
    rig.quiet(before, "a request at a copy")
    done = st.run("deliver", "--once")
    check(done.returncode == 75 and "adopt" in done.stderr, done)
    done = st.do("event", "publish", "--endpoint", "shop", "--type", "a.b",
                 stdin="{}")
    check("deliveries are held" in done.stderr, done)
    done = st.do("event", "replay", "1", "--destination", "crm")
    check("deliveries are held" in done.stderr, done)
    done = st.do("destination", "list")
    check("deliveries are held" in done.stderr, done)
    check(st.rows("destination", "show", "crm")[0]["deliveries_held"], "show")
    rig.quiet(before, "publish and replay on a copy")
    check(st.run("destination", "test", "crm").returncode == 0, "test")
    wait_for("the test event", SOON_S,
             lambda: rig.delivered() == before + 1)
    before += 1

    # The deliverer as a unit: what it has in memory stays there, too.
    st.stop()
    st.configure(mode="service")
    st.start(PROGRAM, "-c", st.conf, "--store")
    st.start(f"{BUILD}/admin/eyelet-deliver", "-c", st.conf)
    wait_for("held", SOON_S, lambda: st.said("delivery=held") == 1, 0.05)
    wait_for("a line", SOON_S, lambda: st.said("deliveries are held") > 1,
             0.05)
    rig.quiet(before, "eyelet-deliver at a copy")
    st.stop()

    # As a child of an owner that a web server started.
    st.configure()
    st.start(PROGRAM, "-c", st.conf, "--socket", f"{st.conf}.fcgi")
    wait_for("the owner", SOON_S,
             lambda: st.rows("store", "audit") is not None)
    rig.quiet(before, "a FastCGI owner of a copy")
    types = [r["type"] for r in st.rows("event", "list", "--endpoint",
                                        "eyelet", "--limit", "0")]
    # fresh() made a copy before; opened three times, this one is said once.
    check(types.count("store.copied") == 2, types)

    done = st.do("store", "adopt")
    check("original" in done.stderr, done)
    # The backlog, one by the front, one published; the replayed one is of it.
    rig.all_out(before, EVENTS + 2, "after adopt")
    st.expect("no", False)
    check([r["verb"] for r in st.rows("store", "audit")].count("store.adopt")
          == 2, "audit")  # fresh() made one before
    done = st.run("store", "adopt")
    check(done.returncode == 75 and "is no copy" in done.stderr, done)
    check("deliveries are held" not in st.do("destination", "list").stderr,
          "no longer")
    st.stop()
    st.expect("no", False, "after a new start")
    st.stop()


def unit_takes_up(rig):
    """A deliverer that was refused goes on by itself after adopt."""
    old = rig.fresh()
    st = Place(os.path.dirname(old.folder), "copy", mode="service")
    shell("cp", "-a", old.folder, st.folder)
    before = rig.delivered()
    st.start(f"{BUILD}/admin/eyelet-deliver", "-c", st.conf)
    wait_for("held", SOON_S, lambda: st.said("delivery=held") == 1, 0.05)
    st.do("store", "adopt")
    rig.all_out(before, EVENTS, "a unit, after adopt")
    check(st.said("delivery=released") == 1, "released")
    st.stop()


class Gate:
    """The sink's answers to one path wait until it is opened."""

    def __init__(self, sink, path):
        self.open = threading.Event()
        sink.answers(path, self.answer)

    def answer(self, _):
        self.open.wait(SOON_S)
        return Answer(200)


def begin_two(rig, st, *options):
    """A service and a deliverer with two requests under way."""
    gate = Gate(rig.sink, "/crm")
    before = rig.delivered()
    owner = st.start(PROGRAM, "-c", st.conf, "--store")
    wait_for("the owner", SOON_S, lambda: st.run(
        "store", "audit").returncode == 0)
    st.do("destination", "edit", "crm", "--concurrency", "2")
    deliverer = st.start(f"{BUILD}/admin/eyelet-deliver", "-c", st.conf, "-v",
                         *options)
    wait_for("two requests", SOON_S,
             lambda: rig.delivered() == before + 2, 0.05)
    return gate, owner, deliverer


def replace_by_copy(st, owner, older=None):
    """The store folder is another one when the service starts again."""
    owner.terminate()
    owner.wait(SOON_S)
    os.rename(st.folder, f"{st.folder}.old")
    shell("cp", "-a", older or f"{st.folder}.old", st.folder)
    return st.start(PROGRAM, "-c", st.conf, "--store")


def under_way(rig):
    """A copy takes the store's place while requests are under way: what came
    of them is written down, nothing more begins, and none is made again."""
    st = rig.fresh()
    st.configure(mode="service")
    before = rig.delivered()
    gate, owner, _ = begin_two(rig, st)
    replace_by_copy(st, owner)
    wait_for("held", SOON_S, lambda: st.said("delivery=held") == 1, 0.05)
    gate.open.set()
    wait_for("both ends", SOON_S,
             lambda: st.said("delivery=delivered destination=crm") == 2, 0.05)
    rig.quiet(before + 2, "while held")
    st.do("store", "adopt")
    rig.all_out(before, EVENTS, "each once, after adopt")
    rig.quiet(before + EVENTS, "after all")
    st.stop()


def under_way_once(rig):
    """One that ends by itself waits for both ends, and says why it ends."""
    st = rig.fresh()
    st.configure(mode="service")
    before = rig.delivered()
    gate, owner, deliverer = begin_two(rig, st, "--once")
    replace_by_copy(st, owner)
    # It has asked for all already; a reload makes it ask for settings.
    deliverer.send_signal(signal.SIGHUP)
    wait_for("held", SOON_S, lambda: st.said("delivery=held") == 1, 0.05)
    gate.open.set()
    check(deliverer.wait(SOON_S) == 75, "it ends with", deliverer.returncode)
    check(st.said("eyelet-deliver: deliveries are held") == 1, "why")
    check(st.said("delivery=delivered destination=crm") == 2, "written down")
    check(rig.delivered() - before == 2, "nothing more")
    st.do("store", "adopt")
    check(st.run("deliver", "--once").returncode == 0, "the rest")
    rig.all_out(before, EVENTS, "each once")
    st.stop()


def older_copy(rig):
    """An older copy gives its next events numbers that the deliverer has seen
    before: they are delivered all the same."""
    st = rig.fresh()
    older = f"{st.folder}.older"
    shell("cp", "-a", st.folder, older)
    st.configure(mode="service")
    gate, owner, _ = begin_two(rig, st)
    before = rig.delivered()
    for i in range(3):
        st.request(f"evt_later{i}")
    owner = replace_by_copy(st, owner, older)
    gate.open.set()
    wait_for("held", SOON_S, lambda: st.said("delivery=held") == 1, 0.05)
    wait_for("its end", SOON_S,
             lambda: st.said("delivery=delivered destination=crm") >= 2, 0.05)
    st.request("evt_new")
    st.do("store", "adopt")
    wait_for("the new one", SOON_S, lambda: any(
        b"evt_new" in r.body for r in rig.sink.requests("/crm")), 0.05)
    st.stop()


def configured(rig):
    """copied = deliver, and a value that is none."""
    old = rig.fresh()
    st = Place(os.path.dirname(old.folder), "copy", copied="deliver")
    shell("cp", "-a", old.folder, st.folder)
    before = rig.delivered()
    st.expect("yes", False, "copied = deliver")
    st.request("evt_front")
    rig.all_out(before, EVENTS + 1, "copied = deliver")
    st.stop()
    st.configure(copied="no")
    done = st.run("store", "status")
    check(done.returncode == 78 and '"hold" or "deliver"' in done.stderr, done)


def by_other_means(rig):
    """Each makes a copy, and each is told, looked at by status."""
    def tar(old, new):
        os.mkdir(new)
        archive = shell("tar", "-C", old, "-cf", f"{new}.tar", ".")
        shell("tar", "-C", new, "-xpf", f"{new}.tar")
        return archive

    def restore(old, new):
        """An older state of the same store comes back in its place."""
        shell("mv", old, new)
        shell("cp", "-a", new, f"{new}.backup")
        shutil.rmtree(new)
        shell("cp", "-a", f"{new}.backup", new)

    def other_system(old, new):
        with tempfile.TemporaryDirectory(dir="/dev/shm") as shm:
            shell("mv", old, f"{shm}/store")
            shell("mv", f"{shm}/store", new)

    def written(text):
        def write(old, new):
            shell("mv", old, new)
            with open(f"{new}/store.id", "r+") as f:
                whole = f.read()
                f.seek(0)
                f.write(text(whole))
                f.truncate()
        return write

    def missing(old, new):
        shell("mv", old, new)
        os.unlink(f"{new}/store.id")

    ways = {
        "rsync": lambda old, new: shell("rsync", "-a", f"{old}/", new),
        "tar": tar,
        "restore": restore,
        "mv to another file system": other_system,
        "store.id is missing": missing,
        "store.id is empty": written(lambda whole: ""),
        "store.id is cut": written(lambda whole: whole[:70]),
        "another store's": written(
            lambda whole: whole.replace(whole.split()[2], 32 * "a")),
    }
    for way, make in ways.items():
        if way == "rsync" and shutil.which("rsync") is None:
            print("no rsync: apt-get install rsync")
            continue
        old = rig.fresh()
        st = Place(os.path.dirname(old.folder), "copy")
        make(old.folder, st.folder)
        before = rig.delivered()
        st.expect("yes", True, way)
        if way in ("restore", "store.id is missing"):
            st.request("evt_front")
            rig.quiet(before, way)
            st.do("store", "adopt")
            st.expect("no", False, way, "adopted")
            rig.all_out(before, EVENTS + 1, way)
        st.stop()


def hard_links(rig):
    """cp -al: both folders have the same databases, so neither delivers."""
    old = rig.fresh()
    st = Place(os.path.dirname(old.folder), "copy")
    before = rig.delivered()
    shell("cp", "-al", old.folder, st.folder)
    old.expect("linked", True, "cp -al")
    old.request("evt_front")
    rig.quiet(before, "cp -al")
    done = old.run("store", "adopt")
    check(done.returncode == 75 and "hard links" in done.stderr, done)
    old.stop()
    # The cures that it names.
    shell("cp", "-a", old.folder, f"{old.folder}.real")
    shutil.rmtree(st.folder)
    old.expect("no", False, "alone again")
    old.stop()
    shutil.move(f"{old.folder}.real", st.folder)
    st.do("store", "adopt")
    rig.all_out(before, EVENTS + 1, "a real copy")
    st.stop()


def no_right(rig):
    """adopt is for root and the store's user."""
    old = rig.fresh()
    st = Place(os.path.dirname(old.folder), "copy")
    shell("cp", "-a", old.folder, st.folder)
    os.chmod(st.conf, 0o644)
    for folder in (rig.top, os.path.dirname(st.conf)):
        os.chmod(folder, 0o755)
    tool = f"{BUILD}/admin/eyelet-store"
    nobody = ["setpriv", "--reuid=nobody", "--clear-groups"]
    if os.geteuid() != 0 or subprocess.run(
            [*nobody, tool, "--version"], capture_output=True,
            timeout=CALL_S).returncode != 0:
        print("another user cannot be tried here")
        return
    done = subprocess.run([*nobody, tool, "-c", st.conf, "adopt"],
                          capture_output=True, text=True, timeout=CALL_S)
    check(done.returncode == 77, done)
    st.expect("yes", True, "nobody adopts")
    st.stop()


# --- no copies ---------------------------------------------------------------

def goes_on(rig, st, *words, backlog=EVENTS):
    """No copy: a look delivers nothing, a request lets all of it go."""
    before = rig.delivered()
    st.expect("no", False, *words)
    st.do("event", "replay", "1", "--destination", "crm", "--dry-run")
    rig.quiet(before, *words, "by a look")
    st.request("evt_front")
    rig.all_out(before, backlog + 1, *words)
    st.stop()


def no_copies(rig):
    st = rig.fresh()
    st.expect("no", False, "a new start")
    st.stop()
    goes_on(rig, st, "a restart")

    st = rig.fresh()
    shell("mv", st.folder, f"{st.folder}.moved")
    st.folder += ".moved"
    st.configure()
    shell("chmod", "-R", "u+w", st.folder)
    shell("chown", "-R", f"{os.geteuid()}", st.folder)
    goes_on(rig, st, "mv, chmod and chown")

    # An event that the site publishes is wanted out, like a request.
    st = rig.fresh()
    before = rig.delivered()
    st.do("event", "publish", "--endpoint", "shop", "--type", "a.b",
          stdin="{}")
    rig.all_out(before, EVENTS + 1, "publish")
    st.stop()


# --- file systems: as root, in a mount namespace of our own ------------------

def boot(rig):
    st = rig.fresh()
    other = f"{rig.top}/boot_id"
    with open(other, "w") as f:
        f.write("00000000-1111-2222-3333-444444444444\n")
    where = "/proc/sys/kernel/random/boot_id"
    shell("mount", "--bind", other, where)
    try:
        goes_on(rig, st, "another boot")
    finally:
        shell("umount", where)


def volume(rig):
    """An image of a disk, mounted here and there."""
    image, here, there = (f"{rig.top}/{n}" for n in ("img", "here", "there"))
    for folder in (here, there):
        os.mkdir(folder)
    with open(image, "wb") as f:
        f.truncate(192 << 20)
    shell("mkfs.ext4", "-q", image)
    shell("mount", "-o", "loop", image, here)
    try:
        st = rig.fresh()
        shell("cp", "-a", st.folder, f"{here}/store")
        st.folder = f"{here}/store"
        st.configure(mode="off")
        st.do("store", "adopt")
        st.stop()
    finally:
        shell("umount", here)
    shell("mount", "-o", "loop", image, there)
    try:
        st.folder = f"{there}/store"
        st.configure()
        goes_on(rig, st, "a volume on another host")
        shell("mount", "--bind", there, here)
        st.folder = f"{here}/store"
        st.configure()
        st.expect("no", False, "a bind mount")
        st.stop()
        shell("umount", here)
    finally:
        shell("umount", there)


def no_birth(rig):
    """128 bytes an inode: ext4 has no room for a birth time."""
    image, here = f"{rig.top}/img128", f"{rig.top}/here128"
    os.mkdir(here)
    with open(image, "wb") as f:
        f.truncate(192 << 20)
    shell("mkfs.ext4", "-q", "-I", "128", image)
    shell("mount", "-o", "loop", image, here)
    try:
        st = rig.fresh()
        os.makedirs(f"{here}/d", 0o700)
        st.folder = f"{here}/d/store"
        st.configure()
        st.do("store", "init", "--user", ME)
        st.expect("unsure", False, "no birth")
        check("birth" in st.do("store", "status").stdout, "it says why")
        done = st.run("store", "adopt")
        check(done.returncode == 75 and "birth" in done.stderr, done)
        st.stop()
        with open(f"{st.folder}/store.id") as f:
            check("unknown" in f.read(), "nothing is recorded")
        # As where a newer kernel tells them: it is recorded then.
        born = rig.fresh()
        with open(f"{born.folder}/store.id", "r+") as f:
            words = f.read().split()
            f.seek(0)
            f.write(" ".join(words[:3]) + f" {'unknown':32}\n")
        inode = os.stat(f"{born.folder}/store.id").st_ino
        born.expect("no", False, "recorded")
        born.stop()
        with open(f"{born.folder}/store.id") as f:
            check("unknown" not in f.read(), "it is recorded")
        check(os.stat(f"{born.folder}/store.id").st_ino == inode, "in place")
        shell("cp", "-a", born.folder, f"{born.folder}.copy")
        born.folder += ".copy"
        born.configure()
        born.expect("yes", True, "and a copy is told")
        born.stop()
    finally:
        shell("umount", here)


def overlay(rig):
    """A store in a container: on its layer, in a volume, in its image."""
    st = rig.fresh("made")
    top = os.path.dirname(st.folder)
    lower, layer, merged = (f"{top}/{n}" for n in ("image", "tmp", "root"))
    for folder in (lower, layer, merged):
        os.mkdir(folder)
    shutil.move(st.folder, f"{lower}/store")
    shell("mount", "-t", "tmpfs", "-o", "size=128m", "layers", layer)

    def mount(name):
        for folder in ("up", "work"):
            os.makedirs(f"{layer}/{name}.{folder}", exist_ok=True)
        shell("mount", "-t", "overlay", "-o", f"lowerdir={lower},upperdir="
              f"{layer}/{name}.up,workdir={layer}/{name}.work", "overlay",
              merged)

    st.folder = f"{merged}/store"
    st.configure()
    try:
        mount("one")
        st.expect("yes", True, "from an image")
        before = rig.delivered()
        st.do("store", "adopt")
        st.expect("no", False, "adopted there")
        rig.all_out(before, EVENTS, "adopted there")
        st.stop()
        shell("umount", merged)
        mount("one")
        goes_on(rig, st, "the same container, started again", backlog=0)
        shell("umount", merged)
        mount("two")
        st.expect("yes", True, "another container")
        st.stop()
        st.configure(copied="deliver")
        before = rig.delivered()
        st.request("evt_front")
        rig.all_out(before, EVENTS + 1, "an image, copied = deliver")
        st.stop()
    finally:
        shell("umount", merged)
        shell("umount", layer)


def mounted(rig):
    for part in (boot, volume, no_birth, overlay):
        timed(part, rig)


def timed(part, rig):
    began = time.monotonic()
    part(rig)
    print(f"{part.__name__}: {time.monotonic() - began:.1f} s", flush=True)


PARTS = (whole_life, unit_takes_up, under_way, under_way_once,
         older_copy, configured, by_other_means, hard_links,
         no_right, no_copies)


def in_a_namespace():
    """Runs this again where it may mount; False where nobody may."""
    probe = ["unshare", "-m", "--propagation", "private", "sh", "-c",
             "d=$(mktemp -d) && mount -t tmpfs none $d && umount $d && "
             "rmdir $d"]
    if os.geteuid() != 0 or shutil.which("unshare") is None or \
            subprocess.run(probe, capture_output=True,
                           timeout=CALL_S).returncode != 0:
        return False
    os.execvp("unshare", [*probe[:4], sys.executable,
                          os.path.abspath(__file__), INSIDE, *sys.argv[1:]])


def main():
    inside = INSIDE in sys.argv
    only = [a for a in sys.argv[1:] if not a.startswith("--")]
    if not inside and not in_a_namespace():
        print("no mounts here: file systems are not tried")
    top = tempfile.mkdtemp(prefix="eyelet-copied.")
    try:
        with Sink() as sink:
            rig = Rig(top, sink)
            for part in PARTS + ((mounted,) if inside else ()):
                if not only or part.__name__ in only:
                    timed(part, rig)
    finally:
        end_all(top)
        shutil.rmtree(top, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
