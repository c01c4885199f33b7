#!/usr/bin/python3
"""Runs the end-to-end tests: tests/e2e/run.py --binary build/src/cli/sallyport [-k WORD] [-j N]

Every test is one process turn of one of N workers, so tests share nothing but the certificates. The
last line says "N passed, N failed"; exit code 0: none failed and some ran.
"""

import argparse
import io
import contextlib
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

from support import pki  # noqa: E402


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


def find_tests(words):
    suite = unittest.TestLoader().discover(HERE, pattern="*_test.py", top_level_dir=HERE)
    tests = list(flatten(suite))
    broken = [t for t in tests if type(t).__name__ == "_FailedTest"]
    chosen = [t for t in tests if not words or any(w in t.id() for w in words)]
    # Those that say they are slow go first, so that no worker is left with one at the end.
    chosen.sort(key=lambda t: not getattr(getattr(t, t._testMethodName, None), "slow", False))
    return [t.id() for t in {t.id(): t for t in broken + chosen}.values()]


class TookTooLong(BaseException):
    pass


def run_one(name, bound):
    """(passed, skipped reason, text, seconds)"""
    def on_alarm(*_):
        signal.alarm(60)  # once more, for cleanups that hang
        raise TookTooLong(f"not done within {bound} s")
    signal.signal(signal.SIGALRM, on_alarm)
    out = io.StringIO()
    begin = time.monotonic()
    result = unittest.TestResult()
    text = ""
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            signal.alarm(bound)
            unittest.TestLoader().loadTestsFromName(name).run(result)
        except BaseException:  # pylint: disable=broad-except
            text = traceback.format_exc()
        finally:
            signal.alarm(0)
    text += "".join(t for _, t in result.failures + result.errors)
    passed = result.wasSuccessful() and not text and result.testsRun == 1
    skipped = result.skipped[0][1] if result.skipped else None
    return passed, skipped, text + out.getvalue(), time.monotonic() - begin


def work(todo, done, bound):
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    while (name := todo.get()) is not None:
        done.put((name, *run_one(name, bound)))


def prepare(root, binary):
    environment = {"SALLYPORT_BINARY": os.path.abspath(binary), "SALLYPORT_E2E_PKI": root + "/pki",
                   "SALLYPORT_E2E_TMP": root + "/tests", "SALLYPORT_E2E_PORTS": root + "/ports"}
    for key in ("PKI", "TMP", "PORTS"):
        os.mkdir(environment["SALLYPORT_E2E_" + key])
    with open(binary, "rb") as file:
        environment["SALLYPORT_SANITIZED"] = "1" if b"__asan_init" in file.read() else "0"
    os.environ.update(environment)
    pki.make(environment["SALLYPORT_E2E_PKI"])


def install_node_modules():
    """Fetches the npm client once. A failure is not hidden: the tests that need it then fail."""
    folder = os.path.join(HERE, "node")
    stamp = os.path.join(folder, "node_modules", ".package-lock.json")
    lock = os.path.join(folder, "package-lock.json")
    if os.path.exists(stamp) and os.path.getmtime(stamp) >= os.path.getmtime(lock):
        return
    print("e2e: fetching the npm client", flush=True)
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"],
                   cwd=folder, stdin=subprocess.DEVNULL, check=False)


def run_all(names, jobs, bound):
    todo, done = multiprocessing.Queue(), multiprocessing.Queue()
    for name in names + [None] * jobs:
        todo.put(name)
    workers = [multiprocessing.Process(target=work, args=(todo, done, bound)) for _ in range(jobs)]
    for worker in workers:
        worker.start()
    failed, skipped, passed = [], 0, 0
    for number in range(1, len(names) + 1):
        while True:
            try:
                name, ok, why_skipped, text, seconds = done.get(timeout=5)
                break
            except Exception:  # queue.Empty
                if not any(w.is_alive() for w in workers):
                    print("e2e: the test processes died", flush=True)
                    return passed, len(names) - passed - skipped, skipped
        word = "skip" if why_skipped else "ok  " if ok else "FAIL"
        print(f"[{number:3}/{len(names)}] {word} {name} ({seconds:.1f} s)"
              + (f": {why_skipped}" if why_skipped else ""), flush=True)
        if why_skipped:
            skipped += 1
        elif ok:
            passed += 1
        else:
            failed.append(name)
            print(text.rstrip() + "\n", flush=True)
    for worker in workers:
        worker.join()
    for name in failed:
        print("failed: " + name)
    return passed, len(failed), skipped


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default=os.environ.get("SALLYPORT_BINARY", "build/src/cli/sallyport"))
    parser.add_argument("-j", "--jobs", type=int, default=4)
    parser.add_argument("-k", dest="words", action="append", help="only tests with this in their name")
    parser.add_argument("--list", action="store_true", help="only print the names")
    parser.add_argument("--timeout", type=int, default=180, help="seconds that one test may take")
    parser.add_argument("--keep", action="store_true", help="keep all files of the run")
    args = parser.parse_args()

    names = find_tests(args.words)
    if args.list:
        print("\n".join(names))
        return 0
    if not os.access(args.binary, os.X_OK):
        print(f"e2e: {args.binary} is not there; build it first, or name it with --binary")
        return 2
    root = tempfile.mkdtemp(prefix="sallyport-e2e-")
    prepare(root, args.binary)
    if any(name.startswith("node") for name in names):
        install_node_modules()
    passed, failed, skipped = run_all(names, max(1, min(args.jobs, len(names))), args.timeout)
    if args.keep or failed:
        print("e2e: files are in " + root)
    else:
        shutil.rmtree(root, ignore_errors=True)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
