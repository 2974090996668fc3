#!/usr/bin/env python3
"""circles.py: draws the call graph between the objects of lib/, admin/ and
cgi/ and fails on a circle of more than one file.

The graph is what nm says of the built objects: an arrow leads from a file to
the one that defines what it uses. Prints the arrows between folders, and how
many lines each folder has.

Usage: circles.py [-v]; -v prints every arrow within the circles. The folders
are $top_srcdir and $top_builddir, as make check sets them."""
import collections
import os
import re
import subprocess
import sys

SRC = os.environ.get("top_srcdir",
                     os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("top_builddir", ".")
TOPS = ("lib", "admin", "cgi") # the programs are linked with lib/

# Functions that are called through pointers, which nm does not see: (caller,
# function). A caller that knows nothing of the function's file but its type
# is no arrow and does not stand here.
POINTERS = [
]

# Circles that are there still: each a set of files. To become empty; none may
# grow, and one that is gone must be removed here.
KNOWN = [
]


def objects():
    """The objects of the product, not those built again for a test."""
    found = (entry for name in TOPS
             for entry in os.walk(os.path.join(BUILD, name)))
    for where, _, files in found:
        for f in sorted(files):
            if not f.endswith(".o"):
                continue
            source = os.path.relpath(os.path.join(where, f), BUILD)[:-2] + ".c"
            if os.path.exists(os.path.join(SRC, source)):
                yield source, os.path.join(where, f)


def graph():
    defined = collections.defaultdict(dict) # programs repeat some names
    wanted = collections.defaultdict(set)
    named = list(objects())
    out = subprocess.run(["nm", "-A"] + [o for _, o in named], check=True,
                         capture_output=True, text=True).stdout
    source_of = {o: s for s, o in named}
    for line in out.splitlines():
        name, rest = line.split(":", 1)
        kind, symbol = rest.split()[-2:]
        source = source_of[name]
        if kind in "TDBRVWC":
            defined[top(source)][symbol] = source
        elif kind == "U":
            wanted[source].add(symbol)
    arrows = {s: collections.defaultdict(set) for s, _ in named}

    def find(source, symbol):
        return defined[top(source)].get(symbol) or defined["lib"].get(symbol)

    for source, symbols in wanted.items():
        for symbol in symbols:
            to = find(source, symbol)
            if to is not None and to != source:
                arrows[source][to].add(symbol)
    for source, symbol in POINTERS:
        to = find(source, symbol)
        if to is None or source not in arrows:
            sys.exit(f"circles: POINTERS names {source} and {symbol}, "
                     "which are not there")
        if to != source:
            arrows[source][to].add("*" + symbol)
    return arrows


def circles(arrows):
    """Strongly connected components of more than one file (Tarjan)."""
    index, low, stack, on, found = {}, {}, [], set(), []

    def visit(v):
        index[v] = low[v] = len(index)
        stack.append(v)
        on.add(v)
        for w in sorted(arrows[v]):
            if w not in index:
                visit(w)
                low[v] = min(low[v], low[w])
            elif w in on:
                low[v] = min(low[v], index[w])
        if low[v] == index[v]:
            one = []
            while not one or one[-1] != v:
                one.append(stack.pop())
                on.discard(one[-1])
            if len(one) > 1:
                found.append(sorted(one))

    sys.setrecursionlimit(10000)
    for v in sorted(arrows):
        if v not in index:
            visit(v)
    return sorted(found, key=len)


def top(source):
    return source.split("/")[0]


def folder(source):
    return source.split("/")[1 if source.startswith("lib/") else 0]


def report(arrows):
    lines = collections.Counter()
    for source in arrows:
        for name in source, source[:-2] + ".h":
            path = os.path.join(SRC, name)
            if os.path.exists(path):
                with open(path, encoding="utf-8") as f:
                    lines[folder(source)] += sum(1 for _ in f)
    for where, _, files in (entry for name in TOPS
                            for entry in os.walk(os.path.join(SRC, name))):
        for name in files: # headers without a .c of their own
            source = os.path.relpath(os.path.join(where, name[:-2] + ".c"),
                                     SRC)
            if name.endswith(".h") and source not in arrows:
                with open(os.path.join(where, name), encoding="utf-8") as f:
                    lines[folder(source)] += sum(1 for _ in f)
    between = collections.defaultdict(collections.Counter)
    for source in arrows:
        for to, symbols in arrows[source].items():
            if folder(to) != folder(source):
                between[folder(source)][folder(to)] += len(symbols)
    for name in sorted(lines):
        print(f"{lines[name]:6} {name}: " + " ".join(
            f"{to} {n}" for to, n in sorted(between[name].items())))


def main():
    arrows = graph()
    if not arrows:
        sys.exit(f"circles: no objects of the product in {BUILD}: build first")
    report(arrows)
    bad = 0
    known = [set(c) for c in KNOWN]
    for circle in circles(arrows):
        if any(set(circle) <= k for k in known):
            print("known circle:", *circle)
        else:
            bad = 1
            print("CIRCLE:", *circle)
        if "-v" in sys.argv or bad:
            for a in circle:
                for b in circle:
                    if b in arrows[a]:
                        print("   ", a, "->", b + ":", *sorted(arrows[a][b]))
    for k in known:
        if not any(set(c) <= k for c in circles(arrows)):
            bad = 1
            print("circles: KNOWN names one that is gone:", *sorted(k))
    return bad


sys.exit(main())
