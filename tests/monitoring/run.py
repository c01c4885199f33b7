#!/usr/bin/python3
"""Tests of what operators watch: tests/monitoring/run.py [--binary PATH] [--pictures FOLDER] [-k NAME]

Dashboards, rules and alerts by themselves (files_test.py), then a real gateway with a real mosquitto,
Prometheus and Chromium (live_test.py). The last line says "N passed, N failed".
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "e2e")]
from support import pki  # noqa: E402


class Result(unittest.TextTestResult):
    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def _say(self, word, test):
        print(f"{word} {test.id()} ({time.monotonic() - self.began:.1f} s)", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self._say("ok  ", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._say("FAIL", test)

    def addError(self, test, err):
        super().addError(test, err)
        print("FAIL " + test.id(), flush=True)


def install_node_modules():
    stamp, lock = (os.path.join(HERE, *path) for path in (("node_modules", ".package-lock.json"), ("package-lock.json",)))
    if os.path.exists(stamp) and os.path.getmtime(stamp) >= os.path.getmtime(lock):
        return
    print("monitoring: fetching Chromium's driver and Grafana's types", flush=True)
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"], cwd=HERE,
                   stdin=subprocess.DEVNULL, check=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default="build/src/cli/sallyport")
    parser.add_argument("--pictures", help="folder for pictures of the status page and the dashboards")
    parser.add_argument("-k", dest="words", action="append", help="only tests with this in their name")
    parser.add_argument("--keep", action="store_true", help="keep all files of the run")
    args = parser.parse_args()
    root = tempfile.mkdtemp(prefix="sallyport-monitoring-")
    with open(args.binary, "rb") as file:
        sanitized = b"__asan_init" in file.read()
    for key in ("PKI", "TMP", "PORTS"):
        os.environ["SALLYPORT_E2E_" + key] = os.path.join(root, key.lower())
        os.mkdir(os.path.join(root, key.lower()))
    os.environ.update(SALLYPORT_BINARY=os.path.abspath(args.binary), SALLYPORT_SANITIZED="1" if sanitized else "0")
    if args.pictures:
        os.environ["SALLYPORT_PICTURES"] = os.path.abspath(args.pictures)
    pki.make(os.environ["SALLYPORT_E2E_PKI"])
    install_node_modules()
    loader = unittest.TestLoader()
    if args.words:
        loader.testNamePatterns = [f"*{word}*" for word in args.words]
    suite = loader.loadTestsFromNames(["files_test", "live_test"])
    result = unittest.TextTestRunner(stream=sys.stdout, resultclass=Result, verbosity=0).run(suite)
    failed = len(result.failures) + len(result.errors)
    if args.keep or failed:
        print("monitoring: files are in " + root)
    else:
        shutil.rmtree(root, ignore_errors=True)
    print(f"{result.testsRun - failed} passed, {failed} failed")
    return 0 if result.testsRun and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
