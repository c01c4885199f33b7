#!/usr/bin/python3
"""What the gateway costs: instructions, system calls and CPU time per unit of work, memory per idle
connection. The gateway runs with one worker, TLS 1.3, an ECDSA P-256 certificate, a policy of 50 roles
and 500 rules with limits on, metrics and audit log, before the sink of sallyport_load.

    bench/gateway.py BUILD                        all of it; takes some minutes
    bench/gateway.py BUILD qos0-64 --profile      one work, and the functions that it is spent in
    bench/gateway.py --list

BUILD is a release build in which `ninja` and `ninja bench` were run. Instructions and system calls are
the difference of two run lengths; CPU time is the median of several rounds, and noisy.
"""

import argparse
import json
import os
import statistics
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from measure import instruments  # noqa: E402
from measure.process import Failure  # noqa: E402
from measure.work import WORK  # noqa: E402


def by_library(by_function):
    sums = {}
    for (_, library), own in by_function.items():
        sums[library] = sums.get(library, 0) + own
    return dict(sorted(((name, own) for name, own in sums.items() if own >= 1),
                       key=lambda item: -item[1]))


def measure(options, work):
    figures = {"what": work.what}
    by_function = {}
    if "instructions" in options.figures:
        figures["instructions"], by_function = instruments.instructions(options.build, work)
        figures["instructions_by_library"] = by_library(by_function)
    if "calls" in options.figures:
        figures["calls"], figures["calls_by_name"] = instruments.system_calls(options.build, work)
    if "cpu" in options.figures:
        rounds = [instruments.cpu_time(options.build, work) for _ in range(options.rounds)]
        figures["cpu_us"] = statistics.median(rounds)
        figures["cpu_us_rounds"] = rounds
    return figures, by_function


def show(work, figures, by_function, options):
    line = f"{work.name:18}"
    if "instructions" in figures:
        line += f" {figures['instructions']:12,.0f} instructions"
    if "calls" in figures:
        line += f" {figures['calls']:8.3g} system calls"
    if "cpu_us" in figures:
        line += f" {figures['cpu_us']:10.2f} us"
    print(f"{line}  {work.what}", flush=True)
    if "calls" in figures:
        calls = sorted(figures["calls_by_name"].items(), key=lambda item: -item[1])
        print("    calls: " + ", ".join(f"{name} {count:.3g}" for name, count in calls
                                        if count >= figures["calls"] / 100))
    if options.profile:
        libraries = figures["instructions_by_library"].items()
        print("    instructions: " + ", ".join(f"{name} {own:,.0f}" for name, own in libraries))
        functions = sorted(by_function.items(), key=lambda item: -item[1])[:options.profile]
        for (name, library), own in functions:
            print(f"    {own:12,.1f}  {name} [{library}]")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("build", nargs="?", help="build directory")
    parser.add_argument("work", nargs="*", help="what to measure, and `memory`; default: all")
    parser.add_argument("--figures", default="instructions,calls,cpu",
                        help="which of instructions,calls,cpu (default: all)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of CPU time (5)")
    parser.add_argument("--connections", type=int, default=2000, help="idle connections (2000)")
    parser.add_argument("--profile", type=int, nargs="?", const=25, default=0, metavar="N",
                        help="also the N functions (25) that execute most instructions")
    parser.add_argument("--json", metavar="FILE", help="also write all figures to FILE")
    parser.add_argument("--list", action="store_true", help="name the work")
    options = parser.parse_args()
    options.figures = options.figures.split(",")

    if options.list:
        for work in WORK:
            print(f"{work.name:18} {work.what}")
        print(f"{'memory':18} of an idle TLS connection")
        return
    if options.build is None:
        parser.error("which build directory?")
    if unknown := set(options.work) - {work.name for work in WORK} - {"memory"}:
        parser.error(f"no such work: {', '.join(sorted(unknown))}; --list names it")
    if unknown := set(options.figures) - {"instructions", "calls", "cpu"}:
        parser.error(f"no such figure: {', '.join(sorted(unknown))}")

    all_figures = {}
    for work in WORK:
        if options.work and work.name not in options.work:
            continue
        figures, by_function = measure(options, work)
        show(work, figures, by_function, options)
        all_figures[work.name] = figures
    if not options.work or "memory" in options.work:
        for name, mutual in (("memory", False), ("memory-mutual", True)):
            size = instruments.idle_memory(options.build, options.connections, mutual)
            all_figures[name] = {"bytes": size}
            print(f"{name:18} {size:12,.0f} bytes of an idle TLS connection"
                  f"{' with a client certificate' if mutual else ''}", flush=True)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(all_figures, file, indent=2)
            file.write("\n")


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"gateway.py: {failure}")
