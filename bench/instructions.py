#!/usr/bin/python3
"""Instructions per operation of every case of sallyport_micro, by callgrind.

    bench/instructions.py BUILD [CASE...]   BUILD: a build directory, best of a release build, in
                                            which `ninja bench` was run; CASE: names or globs

Each case is run at two lengths; what the longer run executes more is the operations' alone, without
start and preparation. The figures are instructions in user space and repeat from run to run on one
machine; they depend on the compiler and, through the C library's choice of routines, on the processor.
"""

import argparse
import concurrent.futures
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from measure import micro  # noqa: E402
from measure.process import Failure  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", help="build directory")
    parser.add_argument("case", nargs="*", help="cases, as names or globs; default: all")
    parser.add_argument("--json", metavar="FILE", help="also write the figures to FILE")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count(), help="runs at a time")
    options = parser.parse_args()

    figures = {}
    with concurrent.futures.ThreadPoolExecutor(max(1, options.jobs)) as pool:
        todo = micro.cases(options.build, options.case)
        counts = pool.map(lambda case: micro.instructions(options.build, case), todo)
        for case, count in zip(todo, counts):
            figures[case["case"]] = round(count, 1)
            print(f"{case['case']:28} {count:10,.1f}  {case['operation']}", flush=True)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"unit": "instructions per operation", "cases": figures}, file, indent=2)
            file.write("\n")


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"instructions.py: {failure}")
