"""Instructions, counted by valgrind's callgrind."""

import os
import re
import subprocess
import tempfile

from measure.process import Failure, need, run


def wrap(command, out):
    """The command under callgrind, which writes its counts to the file `out`."""
    return [need("valgrind", "valgrind"), "--tool=callgrind", f"--callgrind-out-file={out}",
            "--error-exitcode=0", *command]


def total(out):
    """All instructions that a run executed."""
    with open(out, encoding="utf-8", errors="replace") as file:
        for line in file:
            if match := re.match(r"(?:totals|summary): (\d+)", line):
                return int(match[1])
    raise Failure(f"{out} holds no total: the program was not ended by itself")


def count(command):
    """Instructions of one run of a program that ends by itself."""
    with tempfile.TemporaryDirectory(prefix="sallyport-bench-") as folder:
        out = os.path.join(folder, "out")
        run(wrap(command, out))
        return total(out)


def functions(out):
    """{function: its own instructions} of a run."""
    text = subprocess.run([need("callgrind_annotate", "valgrind"), "--threshold=100", "--auto=no", out],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
                          check=False).stdout
    found = {}
    for line in text.splitlines():
        match = re.match(r"\s*([\d,]+) \([ \d.]+%\)\s+(\S.*)$", line)
        if not match or match[2].startswith("PROGRAM TOTALS"):
            continue
        place, _, library = match[2].partition(" [")
        # file:function; a file of a C++ build path never holds "::".
        name = re.sub(r"^[^\s(<]*?:(?!:)", "", place) if not place.startswith("???:") else place[4:]
        name = name.removesuffix("]")
        if library:
            name += f" [{os.path.basename(library.removesuffix(']'))}]"
        found[name] = found.get(name, 0) + int(match[1].replace(",", ""))
    return found
