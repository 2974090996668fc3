#!/usr/bin/env python3
"""The disk of the fault tests forgets what was not synced, and nothing else.

A child makes random changes under disk.so and keeps a model of its own: what
each file held at its last sync, and every content each block had since. After
the cut the files must be what the model says.
"""
import os
import pickle
import random
import subprocess
import sys
import tempfile

BLOCK = 4096
SIZE = 6 * BLOCK
SEEDS = 40
OPS = 120

top = os.environ.get("top_builddir", ".")


def change(store, model_path, seed):
    """The child: random changes, then gone without a last sync."""
    rng = random.Random(seed)
    names = ["a", "b", "c"]
    synced = {}  # name -> content at its last sync
    since = {}  # name -> [[contents of block 0 since], ...]
    folder = os.open(store, os.O_RDONLY)
    files = {}
    for name in names:
        files[name] = os.open(f"{store}/{name}", os.O_RDWR | os.O_CREAT, 0o644)
    os.fsync(folder)

    def content(name):
        return os.pread(files[name], 2 * SIZE, 0)

    def settle(name):
        synced[name] = content(name)
        since[name] = [[] for _ in range(2 * SIZE // BLOCK)]
        remember(name)

    def remember(name):
        data = content(name)
        for i in range(2 * SIZE // BLOCK):
            since[name][i].append(data[i * BLOCK:(i + 1) * BLOCK])

    for name in names:
        os.fsync(files[name])
        settle(name)
    for _ in range(rng.randrange(OPS)):
        name = rng.choice(names)
        act = rng.random()
        if act < 0.75:
            # Like a database: pages, and a log that grows.
            if rng.random() < 0.5:
                at = rng.randrange(SIZE // BLOCK) * BLOCK
                data = bytes([rng.randrange(1, 256)]) * BLOCK
            else:
                at = min(os.fstat(files[name]).st_size, SIZE)
                data = bytes([rng.randrange(1, 256)]) * rng.randrange(1, 3000)
            os.pwrite(files[name], data, at)
        elif act < 0.80:
            os.ftruncate(files[name], rng.randrange(SIZE))
        elif act < 0.92:
            os.fdatasync(files[name])
            settle(name)
        else:
            # A new file takes the place of an old one, as an editor does it.
            new = f"{store}/{name}.new"
            fd = os.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
            os.write(fd, bytes([rng.randrange(1, 256)]) * 5000)
            os.fsync(fd)
            os.rename(new, f"{store}/{name}")
            if rng.random() < 0.5:
                os.fsync(folder)
                os.close(files[name])
                files[name] = fd
                settle(name)
            else:
                os.close(fd)
                os.rename(f"{store}/{name}", new)
                os.unlink(new)
                break
        remember(name)
    with open(model_path, "wb") as f:
        pickle.dump((synced, since), f)
    os._exit(0)


def fail(words):
    print("FAIL:", words)
    sys.exit(1)


def one(seed, how):
    with tempfile.TemporaryDirectory() as folder:
        store, log = f"{folder}/store", f"{folder}/disk"
        os.mkdir(store)
        os.makedirs(f"{log}/grave")
        env = dict(os.environ, LD_PRELOAD=f"{top}/tests/fault/disk.so",
                   EYELET_DISK_STORE=store, EYELET_DISK_LOG=log)
        subprocess.run([sys.executable, __file__, "change", store,
                        f"{folder}/model", str(seed)], env=env, check=True,
                       timeout=60)
        cut = subprocess.run([f"{top}/tests/fault/disk_cut", log, how,
                              str(seed)], check=True, timeout=60,
                             capture_output=True, text=True)
        with open(f"{folder}/model", "rb") as f:
            synced, since = pickle.load(f)
        for name in synced:
            if not os.path.exists(f"{store}/{name}"):
                fail(f"seed {seed}: {name} is gone")
            with open(f"{store}/{name}", "rb") as f:
                data = f.read()
            if how == "none" and data != synced[name]:
                fail(f"seed {seed}: {name} is not what was synced")
            for i in range(2 * SIZE // BLOCK):
                block = data[i * BLOCK:(i + 1) * BLOCK].rstrip(b"\0")
                if how == "subset" and not any(
                        block == had.rstrip(b"\0") or
                        had.startswith(block) or block.startswith(had)
                        for had in since[name][i]):
                    fail(f"seed {seed}: {name} holds in block {i} what was "
                         "never there")
        if any(f.endswith(".new") for f in os.listdir(store)):
            fail(f"seed {seed}: a file of no synced name is left")
        return int(cut.stdout.split("synced, ")[1].split()[0])


def main():
    undone = sum(one(seed, "none") for seed in range(SEEDS))
    if undone == 0:
        fail("nothing was ever taken back: these runs prove nothing")
    sum(one(seed, "subset") for seed in range(SEEDS // 2))
    print(f"{SEEDS} runs: {undone} unsynced pieces taken back, "
          "every synced byte left")


if len(sys.argv) > 1 and sys.argv[1] == "change":
    change(sys.argv[2], sys.argv[3], int(sys.argv[4]))
else:
    main()
