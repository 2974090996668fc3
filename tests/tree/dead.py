#!/usr/bin/env python3
"""The product has nothing that it does not use: each function and table that
an object of lib/, admin/ or cgi/ shows to others is used by another one, and
each macro of a header is used somewhere. A function that only its own file
uses is static; one that only a test uses goes."""
import collections
import glob
import os
import re
import subprocess
import sys

SOURCE = os.environ.get("top_srcdir",
                        os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("top_builddir", ".")
PARTS = ("lib", "admin", "cgi")

EXCEPTIONS = {
    "main": "the C library calls it",
    "OS_Read": "libfcgi calls it",
    "OS_Write": "libfcgi calls it",
    "watch_look": "tests look at once instead of waiting for the next look",
}


def objects():
    for part in PARTS:
        for path in glob.glob(f"{BUILD}/{part}/**/*.o", recursive=True):
            # Automake names an object after its program, if it has flags.
            if "tests_" not in os.path.basename(path):
                yield path


def symbols(path):
    out = subprocess.run(["nm", path], check=True, capture_output=True,
                         text=True).stdout
    for line in out.splitlines():
        words = line.split()
        yield words[-2], words[-1]


def dead_symbols():
    needed, shown = set(), {}
    for path in objects():
        for kind, name in symbols(path):
            if kind == "U":
                needed.add(name)
            elif kind in "TDBRC" and not name.startswith("__"):
                shown[name] = os.path.relpath(path, BUILD)
    if len(shown) < 100:
        sys.exit(f"dead: only {len(shown)} functions below {BUILD}: built?")
    for name in sorted(EXCEPTIONS):
        if name not in shown:
            yield f"tests/tree/dead.py: {name} is an exception, and does not exist"
        elif name in needed:
            yield f"tests/tree/dead.py: {name} is an exception, and is used"
    for name in sorted(set(shown) - needed - set(EXCEPTIONS)):
        yield (f"{shown[name]}: no other object uses {name}: make it static, "
               "or remove it")


def dead_macros():
    texts, count = {}, collections.Counter()
    for part in PARTS:
        for path in glob.glob(f"{SOURCE}/{part}/**/*.[ch]", recursive=True):
            with open(path, encoding="utf-8") as f:
                text = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
            texts[os.path.relpath(path, SOURCE)] = text
            count.update(re.findall(r"\w+", text))
    for path, text in sorted(texts.items()):
        if not path.endswith(".h"):
            continue
        for name in re.findall(r"^# *define +(\w+)", text, re.M):
            # The guard stands in its #ifndef too.
            if count[name] == 1:
                yield f"{path}: nothing uses the macro {name}: remove it"


def main():
    dead = [*dead_symbols(), *dead_macros()]
    for line in dead:
        print(f"FAIL: {line}")
    sys.exit(1 if dead else 0)


if __name__ == "__main__":
    main()
