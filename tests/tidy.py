#!/usr/bin/python3
"""Runs clang-tidy 19 with .clang-tidy over the sources in src/, so that the folders keep one dialect.

    tests/tidy.py BUILD [FILE...]    BUILD: a build folder, whose compile_commands.json is used

The last line says "N passed, N failed", counted by file. Two files are looked at at a time.
"""

import concurrent.futures
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TIDY = "clang-tidy-19"
# g++'s own warnings are in the commands; what clang does not know of them is nobody's mistake.
EXTRA = ["--extra-arg=-Wno-unknown-warning-option", "--extra-arg=-Wno-unused-command-line-argument"]

# What no check of clang-tidy asks for: one way to drop a result, one way to open a namespace.
WORDS = [
    (re.compile(r"\(void\)\s*[A-Za-z_(]"), "static_cast<void>(…) drops a result here, not (void)"),
    (re.compile(r"^namespace \{\n(?=[^\n])", re.M), "a blank line follows `namespace {`"),
]


def sources(build):
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        commands = json.load(file)
    top = os.path.join(ROOT, "src") + os.sep
    found = {os.path.normpath(os.path.join(one["directory"], one["file"])) for one in commands}
    return sorted(path for path in found if path.startswith(top))


def words(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for pattern, what in WORDS:
        for match in pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            yield f"{os.path.relpath(path, ROOT)}:{line}: {what}"


def look_at(build, path):
    done = subprocess.run([TIDY, "-p", build, "--quiet", *EXTRA, path], capture_output=True, text=True,
                          check=False)
    said = [line for line in done.stdout.splitlines() if line.strip()]
    if done.returncode != 0 and not said:
        said = done.stderr.splitlines()[-20:]
    return path, done.returncode == 0, said


def headers():
    for base, _, names in os.walk(os.path.join(ROOT, "src")):
        yield from (os.path.join(base, name) for name in names if name.endswith(".h"))
    include = os.path.join(ROOT, "include", "sallyport")
    yield from (os.path.join(include, name) for name in os.listdir(include))


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    build = os.path.abspath(sys.argv[1])
    paths = [os.path.abspath(path) for path in sys.argv[2:]] or sources(build)
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for path, good, said in pool.map(lambda path: look_at(build, path), paths):
            said += list(words(path))
            good = good and not list(words(path))
            passed, failed = passed + good, failed + (not good)
            if not good:
                print("\n".join(said), flush=True)
    for path in sorted(headers()):
        for line in words(path):
            print(line)
            failed += 1
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
