"""Instructions, counted by valgrind's callgrind."""

import os
import re
import tempfile

from measure.process import Failure, need, run


def wrap(command, out, at_start=True):
    """The command under callgrind, which writes its counts to the file `out`; without `at_start` it
    counts only when callgrind_control says so."""
    return [need("valgrind", "valgrind"), "--tool=callgrind", f"--callgrind-out-file={out}",
            f"--instr-atstart={'yes' if at_start else 'no'}", "--error-exitcode=0", *command]


def total(out):
    """All instructions that a run executed."""
    with open(out, encoding="utf-8", errors="replace") as file:
        for line in file:
            if match := re.match(r"totals: (\d+)", line):
                return int(match[1])
    raise Failure(f"{out} holds no total: the program was not ended by itself")


def count(command):
    """Instructions of one run of a program that ends by itself."""
    with tempfile.TemporaryDirectory(prefix="sallyport-bench-") as folder:
        out = os.path.join(folder, "out")
        run(wrap(command, out))
        return total(out)


def short(name):
    """A C++ function without its parameters and the namespaces that say nothing."""
    name = name.replace("(anonymous namespace)::", "").replace("sallyport::", "")
    return re.sub(r"(?<!operator)\(.*", "", name) or name


def functions(out):
    """{(function, library): its own instructions} of a run."""
    text = run([need("callgrind_annotate", "valgrind"), "--threshold=100", "--auto=no", out])
    found = {}
    for line in text.splitlines():
        # 1,234 (56.7%)  file:function(parameters) [library]
        match = re.match(r"\s*([\d,]+) \([ \d.]+%\)\s+([^\s:]+):(.*?)(?: \[([^\]]+)\])?$", line)
        if match and match[2] != "PROGRAM":
            key = (short(match[3]), os.path.basename(match[4] or ""))
            found[key] = found.get(key, 0) + int(match[1].replace(",", ""))
    return found
