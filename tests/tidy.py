#!/usr/bin/python3
"""Runs clang-tidy 19 with .clang-tidy over src/ and include/, so that the folders keep one dialect.

    tests/tidy.py BUILD [FOLDER...]    BUILD: a build folder, whose compile_commands.json is used
                                       FOLDER: session, tls, …; all folders of src/ without one

A folder is looked at as one source that includes all of its files: most of what clang-tidy costs is to
read what the standard library declares, and so it does that once for a folder (measured: 2 minutes of
a core for all, instead of 12). A file whose own names collide there with another's is looked at alone.
The last line says "N passed, N failed", counted by file. Two folders are looked at at a time.
"""

import concurrent.futures
import glob
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TIDY = "clang-tidy-19"
SAID = re.compile(r"^(/[^:\n]+):(\d+):\d+: (?:warning|error): .*\[([^\],]+)", re.M)
COMPILER = "clang-diagnostic-error"

# What no check of clang-tidy asks for: one way to drop a result, one way to open a namespace.
WORDS = [
    (re.compile(r"\(void\)\s*[A-Za-z_(]"), "static_cast<void>(…) drops a result here, not (void)"),
    (re.compile(r"^namespace \{\n(?=[^\n])", re.M), "a blank line follows `namespace {`"),
]


def flags_of(build):
    """What every folder is compiled with, of that what a parser needs."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        commands = json.load(file)
    flags = {}
    for one in commands:
        folder = os.path.dirname(os.path.relpath(os.path.join(one["directory"], one["file"]), ROOT))
        command = one["command"].replace("-isystem ", "-isystem").replace("-isystem", "-I")
        words = [word for word in shlex.split(command) if word.startswith(("-I", "-D", "-std"))]
        flags.setdefault(folder, [f"-working-directory={one['directory']}", *words])
    return flags


def tidy(flags, sources):
    """What clang-tidy says of these files as one: its lines by file, and the files that do not compile so."""
    with tempfile.NamedTemporaryFile("w", suffix=".cc", encoding="utf-8") as one:
        one.writelines(f'#include "{path}"\n' for path in sources)
        one.flush()
        done = subprocess.run([TIDY, "--quiet", f"--config-file={ROOT}/.clang-tidy", one.name, "--", *flags],
                              capture_output=True, text=True, check=False)
    lines, broken = {}, set()
    for match in SAID.finditer(done.stdout):
        path, check = os.path.normpath(match[1]), match[3]
        lines.setdefault(path, []).append(os.path.relpath(match[0], ROOT))
        if check == COMPILER:
            broken.add(path)
    if done.returncode != 0 and not lines:
        lines[sources[0]] = (done.stdout + done.stderr).splitlines()[-20:]
    return lines, broken


def look_at(folder, flags):
    """The lines that are said of a folder's files."""
    sources = sorted(glob.glob(os.path.join(ROOT, folder, "*.cc")))
    headers = sorted(glob.glob(os.path.join(ROOT, folder, "*.h")))
    lines, broken = tidy(flags, sources + headers)
    alone = [path for path in sources if path in broken]
    if not alone or len(sources) == 1:
        return lines
    lines, _ = tidy(flags, [path for path in sources if path not in broken] + headers)
    for path in alone:
        more, _ = tidy(flags, [path])
        lines.update(more)
    return lines


def words(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for pattern, what in WORDS:
        for match in pattern.finditer(text):
            yield f"{os.path.relpath(path, ROOT)}:{text.count(chr(10), 0, match.start()) + 1}: {what}"


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    flags = flags_of(os.path.abspath(sys.argv[1]))
    wanted = [f"src/{name}" for name in sys.argv[2:]] or sorted(one for one in flags if one.startswith("src/"))
    paths = [path for folder in wanted + ([] if sys.argv[2:] else ["include/sallyport"])
             for path in glob.glob(os.path.join(ROOT, folder, "*.[ch]*"))]
    lines = {path: list(words(path)) for path in paths}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for said in pool.map(lambda folder: look_at(folder, flags[folder]), wanted):
            for path, more in said.items():
                known = lines.setdefault(path, [])
                known += [line for line in more if line not in known]  # a header is seen by many
    failed = [path for path in sorted(lines) if lines[path]]
    for path in failed:
        print("\n".join(lines[path]))
    print(f"{len(lines) - len(failed)} passed, {len(failed)} failed")
    return 0 if lines and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
