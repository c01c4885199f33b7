#!/usr/bin/python3
"""Holds the gateway to what its packets may cost, in instructions, which no busy machine changes.

    bench/guard.py BUILD      BUILD: a release build in which `ninja` and `ninja bench` were run

Measures what bench/guard.toml names: cases of sallyport_micro, and work of bench/compare with the real
gateway. Whatever takes more than is written there fails. The last line says "N passed, N failed".
"""

import argparse
import os
import sys
import tempfile
import tomllib

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from measure import figures, micro, pki  # noqa: E402
from measure.gateway import Gateway  # noqa: E402
from measure.process import ROOT, Failure  # noqa: E402
from measure.stage import Setup  # noqa: E402
from measure.work import BY_NAME  # noqa: E402

TRIES = 3  # of the real gateway: how messages fall together in one read differs from run to run


class Silent:
    """Of the progress of a measurement only its warnings."""

    def say(self, text):
        pass

    def warn(self, text):
        print(f"  {text}", flush=True)


def core(build, most):
    unknown = set(most) - {case["case"] for case in micro.cases(build, [])}
    if unknown:
        raise Failure("guard.toml names no cases of sallyport_micro: " + ", ".join(sorted(unknown)))
    return micro.all_instructions(build, list(most))


def gateway(build, most):
    unknown = set(most) - set(BY_NAME)
    if unknown:
        raise Failure("guard.toml names no work of bench/compare: " + ", ".join(sorted(unknown)))
    found = {}
    with tempfile.TemporaryDirectory(prefix="sallyport-bench-") as folder:
        setup = Setup(build, pki.make(os.path.join(folder, "pki")))
        for name, limit in most.items():
            for attempt in range(TRIES):
                by_name = figures.counted(setup, Gateway, BY_NAME[name], "instructions", Silent())
                found[name] = sum(by_name.values())
                if found[name] <= limit:
                    break
                print(f"  {name}: {found[name]:,.0f} in run {attempt + 1} of {TRIES}", flush=True)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("build", help="build directory")
    options = parser.parse_args()
    with open(os.path.join(ROOT, "bench", "guard.toml"), "rb") as file:
        most = tomllib.load(file)

    passed = failed = 0
    for part, measure in (("core", core), ("gateway", gateway)):
        for name, count in measure(options.build, most[part]).items():
            ok = count <= most[part][name]
            passed, failed = passed + ok, failed + (not ok)
            print(f"{'ok' if ok else 'FAILED':6} {name:28} {count:10,.0f} instructions, "
                  f"at most {most[part][name]:,}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f"guard.py: {failure}")
