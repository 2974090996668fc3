#!/usr/bin/env python3
"""No program leaves a core or lets its user look into it, whatever it holds.

Every program that "make install" installs is held in its first output, looked
at through /proc, and ended by SIGABRT: one that is added later is tested too.
"""
import fcntl
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from stand import BUILD, SOURCE, wait_for  # noqa: E402

WAIT_S = 60
USER = 65534 if os.geteuid() == 0 else None

wrong = []
rows = 0


def installed(work):
    """The programs, as a packager gets them, for USER to read and run."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("M")}
    subprocess.run(["make", "-s", "-C", BUILD, "install-exec",
                    f"DESTDIR={work}/dest"], check=True, env=env,
                   stdout=subprocess.DEVNULL, timeout=600)
    found = {}
    for folder, _, files in os.walk(f"{work}/dest"):
        for name in files:
            found[name] = shutil.copy(f"{folder}/{name}", f"{work}/{name}")
            os.chmod(found[name], 0o755)
    return found


def full_pipe():
    """Its writing end, which blocks from the first byte; and the other."""
    out, end = os.pipe()
    os.set_blocking(end, False)
    fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, 4096)
    try:
        while os.write(end, b"\n" * 4096) > 0:
            pass
    except BlockingIOError:
        pass
    os.set_blocking(end, True)
    return end, out


def allow_cores():
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def start(argv, work, **how):
    return subprocess.Popen(
        argv, cwd=f"{work}/cores", user=USER, group=USER,
        extra_groups=None if USER is None else [], preexec_fn=allow_cores,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
             "ASAN_OPTIONS": "disable_coredump=0:handle_abort=0"}, **how)


def core_limit(pid):
    with open(f"/proc/{pid}/limits") as f:
        for line in f:
            if line.startswith("Max core file size"):
                return line.split()[4:6]
    return None


def is_hard(pid):
    """No core file, and what /proc has of it is root's, not its user's."""
    return core_limit(pid) == ["0", "0"] and (
        os.geteuid() != 0 or os.stat(f"/proc/{pid}/limits").st_uid == 0)


def abort(process, work):
    """Did the kernel write a core of it?"""
    process.send_signal(signal.SIGABRT)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = status
    if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGABRT:
        wrong.append(f"{process.args}: SIGABRT gave status {status}")
    left = os.listdir(f"{work}/cores")
    for name in left:
        os.unlink(f"{work}/cores/{name}")
    return os.WCOREDUMP(status) or left != []


def control(work):
    """Does this machine write cores at all? cat is not hardened."""
    end, out = full_pipe()
    cat = start(["cat", "/dev/zero"], work, stdout=end)
    os.close(end)
    wait_for("cat runs", WAIT_S, lambda: os.readlink(
        f"/proc/{cat.pid}/exe").endswith("cat"))
    if is_hard(cat.pid):
        wrong.append("cat counts as hardened: this test sees nothing")
    wrote = abort(cat, work)
    os.close(out)
    return wrote


def check(when, process, work):
    global rows
    rows += 1
    try:
        wait_for(when, WAIT_S,
                 lambda: process.poll() is not None or is_hard(process.pid))
    except TimeoutError:
        wrong.append(f"{when}: core limit {core_limit(process.pid)}, /proc is "
                     f"of uid {os.stat(f'/proc/{process.pid}/limits').st_uid}")
    if process.returncode is not None:
        wrong.append(f"{when}: it ended with status {process.returncode}")
    elif abort(process, work):
        wrong.append(f"{when}: SIGABRT wrote a core")


def main():
    with tempfile.TemporaryDirectory(prefix="eyelet-harden.") as work:
        os.chmod(work, 0o755)
        os.mkdir(f"{work}/cores")
        os.chmod(f"{work}/cores", 0o777)
        programs = installed(work)
        if len(programs) < 8:
            wrong.append(f"only {sorted(programs)} are installed")
        cores = control(work)
        for name, path in sorted(programs.items()):
            end, out = full_pipe()
            check(f"{name} --help", start([path, "--help"], work, stdout=end,
                                          stderr=end), work)
            os.close(end)
            os.close(out)

        # One that was given a secret, and waits for the body's end.
        with open(f"{work}/e.conf", "w") as f:
            f.write(f"[schemes]\npath = {work}/schemes\n")
        with open(f"{work}/secret", "w") as f:
            f.write("secret-of-a-test-7d1e90b2\n")
        shutil.copytree(f"{SOURCE}/conf/schemes", f"{work}/schemes")
        sign = start([programs["eyelet-scheme"], "-c", f"{work}/e.conf",
                      "sign", "nomos", "--secret-file", f"{work}/secret"],
                     work, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        check("eyelet-scheme sign, with a secret", sign, work)
        sign.stdin.close()
    for words in wrong:
        print("FAIL:", words)
    print(f"{rows} rows, {len(wrong)} wrong; this machine writes "
          f"{'cores' if cores else 'no cores: only /proc was looked at'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
