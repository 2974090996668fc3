#!/usr/bin/env python3
"""eyelet-scheme verify gives every line of tests/stand/vectors.jsonl its verdict.

The lines say what each provider's own library says; the program is run as a
person would run it, with the secret in a file that ends in a line end.
"""
import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ.get("top_srcdir", "."))
PROGRAM = pathlib.Path(os.environ.get("top_builddir", ".")) \
    / "admin" / "eyelet-scheme"


def command(vector, folder):
    words = [PROGRAM, "verify", vector["provider"],
             "--schemes", SOURCE / "conf" / "schemes",
             "--method", vector["method"], "--now", str(vector["now"])]
    for i, secret in enumerate(vector.get("secrets", [vector["secret"]])):
        file = folder / f"secret{i}"
        file.write_bytes(secret.encode() + (b"\n", b"\r\n")[i % 2])
        words += ["--secret-file", file]
    if "tolerance" in vector:
        words += ["--tolerance", str(vector["tolerance"])]
    if "url" in vector:
        words += ["--url", vector["url"]]
    for name, value in vector.get("params", {}).items():
        words += ["--param", f"{name}={value}"]
    for name, value in vector["headers"].items():
        words += ["--header", f"{name}: {value}"]
    return words


def wrong(vector, folder):
    """What is wrong with the answer to this line, or None."""
    if "body_b64" in vector:
        body = base64.b64decode(vector["body_b64"])
    else:
        body = vector["body"].encode()
    done = subprocess.run(command(vector, folder), input=body,
                          capture_output=True, timeout=30, check=False)
    if done.stderr:
        return done.stderr.decode()
    got = json.loads(done.stdout)
    if list(got) != ["verdict", "event_id", "event_type", "secret", "reason"]:
        return f"members: {list(got)}"
    valid = vector["expect"] == "valid"
    want = (vector["expect"], vector.get("event_id") if valid else None,
            vector.get("event_type") if valid else None)
    if (got["verdict"], got["event_id"], got["event_type"]) != want:
        return f"{got}, not {want}"
    if (got["secret"] is None) == (vector["expect"] in ("valid", "expired")):
        return f"secret: {got['secret']}"
    if done.returncode != (0 if valid else 1):
        return f"status {done.returncode}"
    return None


def main():
    lines = (SOURCE / "tests" / "stand" / "vectors.jsonl").read_text().splitlines()
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        for line in lines:
            vector = json.loads(line)
            why = wrong(vector, pathlib.Path(name))
            if why is not None:
                failed += 1
                print(f"{vector['name']}: {why}")
    print(f"{len(lines) - failed} of {len(lines)} lines")
    return 1 if failed or not lines else 0


if __name__ == "__main__":
    sys.exit(main())
