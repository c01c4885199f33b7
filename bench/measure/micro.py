"""sallyport_micro: the core without sockets."""

import concurrent.futures
import json
import os

from measure import callgrind
from measure.process import run

SHORT, LONG = 500, 2500
# What the table of bench/compare shows.
CORE = ("frame/publish-64", "verdict/publish-10", "verdict/publish-1000", "verdict/publish-100000")
SPEED = "frame/publish-1k-read-64k"


def program(build):
    return os.path.join(build, "bench", "sallyport_micro")


def cases(build, patterns):
    lines = run([program(build), "--list", "--json", *patterns]).splitlines()
    return [json.loads(line) for line in lines]


def instructions(build, case):
    """For one operation: the difference of two run lengths."""
    short, long = (callgrind.count([program(build), "--count", case["case"], str(steps)])
                   for steps in (SHORT, LONG))
    return (long - short) / (LONG - SHORT) / case["together"]


def all_instructions(build, patterns):
    """{case: instructions}; two runs at a time, for they do not disturb each other."""
    todo = cases(build, patterns)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        counts = pool.map(lambda case: instructions(build, case), todo)
        return {case["case"]: count for case, count in zip(todo, counts)}


def gigabytes_per_second(build, case):
    return json.loads(run([program(build), "--json", case]))["gb_per_s"]
