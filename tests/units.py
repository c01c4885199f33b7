#!/usr/bin/python3
"""Builds and runs the unit tests of a build folder and counts their test cases.

    tests/units.py BUILD [NAME...]     NAME: only these test programs ("unit_mqtt")

Each program is one of doctest's; its cases are counted from its own summary. A program that dies
counts as one failed test. The last line says "N passed, N failed".
"""

import json
import os
import re
import subprocess
import sys
import time

SUMMARY = re.compile(r"test cases:\s*(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed")
REPORT = re.compile(r"ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error:")


def programs(build, names):
    done = subprocess.run(["meson", "introspect", "--tests", build], capture_output=True, text=True,
                          check=True)
    for test in json.loads(done.stdout):
        if not names or test["name"] in names:
            yield test["name"], test["cmd"]


def run(name, command, environment):
    begin = time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=300,
                              stdin=subprocess.DEVNULL, env=environment, check=False)
        out, code = done.stdout + done.stderr, done.returncode
    except subprocess.TimeoutExpired as error:
        out, code = f"{error}\n{(error.stdout or b'').decode(errors='replace')}", -1
    summary = SUMMARY.search(out)
    if summary:
        passed, failed = int(summary[2]), int(summary[3])
    else:  # no program of doctest's, or one that died
        passed, failed = (1, 0) if code == 0 else (0, 1)
    if not failed and (code != 0 or REPORT.search(out)):
        failed = 1
    print(f"{name}: {passed} passed, {failed} failed ({time.monotonic() - begin:.1f} s)", flush=True)
    if failed:
        print(out[-20000:], flush=True)
    return passed, failed


def main():
    if len(sys.argv) < 2:
        print(__doc__)
        return 2
    build, names = sys.argv[1], sys.argv[2:]
    chosen = list(programs(build, names))
    missing = set(names) - {name for name, _ in chosen}
    if missing:
        print(f"units: there is no {', '.join(sorted(missing))} in {build}")
    targets = [os.path.relpath(command[0], os.path.abspath(build)) for _, command in chosen]
    if subprocess.run(["ninja", "-C", build, *targets], stdin=subprocess.DEVNULL, check=False).returncode:
        print("units: the build failed\n0 passed, 1 failed")
        return 1
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=1",
                   "TSAN_OPTIONS": "halt_on_error=1",
                   "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}
    results = [run(name, command, environment) for name, command in chosen]
    passed = sum(p for p, _ in results)
    failed = sum(f for _, f in results) + len(missing)
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
