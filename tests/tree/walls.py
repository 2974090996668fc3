#!/usr/bin/env python3
"""walls.py: which folder of lib/ may include which. Prints a line for each
include that crosses a wall; tests/tree/format.sh fails on any.

A folder may include itself and the folders of its line; whatever those may
include it may include as well."""
import collections
import os
import re
import sys

WALLS = """
base:
json: base
crypto: base
http: base
config: base json http
outbound: base http
command: base
model: json crypto http config outbound command
scheme: model
owner: scheme
deliver: scheme owner outbound command
bdb: base
log: base crypto model bdb
store: scheme
engine_bdb: store log bdb
receive: store scheme
explain: store scheme
ops: receive explain store owner
watch: store
server: ops receive store owner
"""
# Outside of lib/: programs that take a store as it is given them.
NO_ENGINE = "admin"
ENGINES = ("engine_bdb", "log", "bdb")

# Includes that cross a wall still, each with its reason; to become empty.
EXCEPTIONS = {
}


def table():
    direct = {}
    for line in WALLS.split("\n"):
        if line:
            folder, may = line.split(":")
            direct[folder] = set(may.split())
    reach = {}

    def close(folder):
        if folder not in reach:
            reach[folder] = {folder}
            for other in direct[folder]:
                reach[folder] |= close(other)
        return reach[folder]

    for folder in direct:
        close(folder)
    return reach


def sources(top):
    for where, folders, files in os.walk(top):
        folders.sort()
        for f in sorted(files):
            if f.endswith((".c", ".h")):
                yield os.path.join(where, f)


def main():
    may = table()
    seen = collections.defaultdict(set)
    used = set()
    for source in sources("lib"):
        parts = source.split("/")
        if len(parts) != 3 or parts[1] not in may:
            print(f"{source}: belongs to no folder of tests/tree/walls.py")
            continue
        with open(source) as f:
            text = f.read()
        for to in re.findall(r'^# *include "lib/([^"]+)"', text, re.M):
            folder = to.split("/")[0]
            seen[parts[1]].add(folder)
            if folder in may[parts[1]]:
                continue
            if (source[4:], to) in EXCEPTIONS:
                used.add((source[4:], to))
                continue
            print(f"{source}: lib/{parts[1]}/ may not include lib/{to}")
    for a in seen:
        for b in seen[a]:
            if a < b and a in seen[b] and not any(
                    {source.split("/")[0], to.split("/")[0]} == {a, b}
                    for source, to in EXCEPTIONS):
                print(f"lib/{a}/ and lib/{b}/ include each other")
    for source in sources(NO_ENGINE):
        with open(source) as f:
            text = f.read()
        for to in re.findall(r'^# *include "lib/([^"]+)"', text, re.M):
            if to.split("/")[0] in ENGINES:
                print(f"{source}: only cgi/ names an engine, not lib/{to}")
    for exception in EXCEPTIONS:
        if exception not in used:
            print(f"{exception}: an exception that is not needed any more")


sys.exit(main())
