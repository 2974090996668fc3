"""Examples of manual pages that show output: a block of commands, each behind
a prompt ("# " of root, "$ " of an ordinary user), with the lines that it
prints. Numbers and times may differ, and "..." stands for anything."""
import re

PROMPTS = ("# ", "$ ")


def blocks(text):
    """The literal blocks of mdoc text, as people read them."""
    found = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", text, re.S | re.M)
    return [block.replace("\\e", "\\").replace("\\&", "")
            .replace("\\(dq", '"') for block in found]


def is_transcript(block):
    return block.startswith(PROMPTS)


def entries(block):
    """(prompt, command, lines that it prints), in order."""
    found = []
    for line in block.replace("\\\n", "").splitlines():
        if line.startswith(PROMPTS):
            found.append((line[0], re.sub(r"\s+", " ", line[2:]), []))
        elif line.strip() not in ("", "..."):
            found[-1][2].append(line)
    return found


def _plain(line):
    line = re.sub(r"\b\d+(\.\d+)? [KMGT]?i?B\b", "0 B", line)
    return re.sub(r"\s+", " ", re.sub(r"\d+(\.\d+)?", "0", line)).strip()


def missing(lines, printed):
    """The first of the lines that was not printed, in their order; or None."""
    rest = iter([_plain(line) for line in printed.splitlines()])
    for line in lines:
        pattern = ".*".join(re.escape(part) for part in
                            re.split(r" ?\.\.\. ?", _plain(line)))
        if not any(re.fullmatch(pattern, other) for other in rest):
            return line
    return None
