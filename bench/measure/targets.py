"""What the gateway is to reach, and whether it does."""

import statistics
from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """One row of a table: a figure of a work, and its limit."""
    work: str
    figure: str
    label: str
    limit: float
    of: str = "gateway"         # whose figure
    to: str = None              # the limit is for the ratio to this one's; BEST: to the best peer's
    at_least: bool = False      # the limit is the least, not the most


BEST = "the best peer"
TARGETS = (
    Target("exchange", "instructions", "QoS 1 PUBLISH of 64 B and its PUBACK: instructions", 10500),
    Target("exchange", "calls", "the same: system calls", 6.0),
    Target("publish", "instructions",
           "QoS 0 PUBLISH of 64 B, one in a TLS record: instructions", 4500),
    Target("publish-x64", "cpu_us", "the same, 64 in a TLS record: CPU time, µs", 1.5, to=BEST),
    Target("publish-4k", "cpu_us", "QoS 0 PUBLISH of 4 KiB at full speed: CPU time, µs", 0.9, to=BEST),
    Target("delivery-64", "cpu_us", "delivery of 64 B, each by itself: CPU time, µs", 0.9, to=BEST),
    Target("delivery-64-full", "cpu_us", "the same at full speed: CPU time, µs", 0.9, to=BEST),
    Target("delivery-4k", "cpu_us", "delivery of 4 KiB at full speed: CPU time, µs", 0.9, to=BEST),
    Target("handshake", "instructions",
           "full TLS 1.3 handshake, CONNECT, close: instructions", 2.45e6),
    Target("memory", "bytes", "idle TLS connection: memory, KiB", 5 * 1024),
    Target("workers", "instructions", "two workers: instructions of an exchange, to one's", 1.05,
           of="two workers", to="one worker"),
    Target("crowd", "instructions", "1,000 busy clients beside 8,000 idle ones: instructions of an "
           "exchange, to those without the idle", 1.05, of="beside the idle", to="without them"),
    Target("crowd", "calls", "the same: system calls", 1.05, of="beside the idle",
           to="without them"),
    Target("core", "instructions", "verdict with 10 rules: instructions", 1000,
           of="verdict/publish-10"),
    Target("core", "instructions", "verdict with 1,000 rules: instructions", 1000,
           of="verdict/publish-1000"),
    Target("core", "instructions", "verdict with 100,000 rules: instructions", 1000,
           of="verdict/publish-100000"),
    Target("core", "instructions", "the same, to that with 10", 2, of="verdict/publish-100000",
           to="verdict/publish-10"),
    Target("core", "instructions", "framer and decoder, PUBLISH of 64 B: instructions", 300,
           of="frame/publish-64"),
    Target("core", "gb_per_s", "framer and decoder, PUBLISH of 1 KiB: GB/s", 2,
           of="frame/publish-1k-read-64k", at_least=True),
)


def to_best(work, figure):
    """(the gateway's ratio to the best peer, that peer), the median of all rounds. The best is whom
    the gateway comes off worst against."""
    rounds = work[f"{figure}_rounds"]
    ratios = {peer: statistics.median(mine / its for mine, its in zip(rounds["gateway"], times))
              for peer, times in rounds.items() if peer != "gateway"}
    best = max(ratios, key=ratios.get)
    return ratios[best], best


def value(target, works):
    """(what the target limits, the best peer where it is to one); None where it was not measured."""
    work = works.get(target.work, {})
    found = work.get(target.figure, {})
    if target.of not in found:
        return None, None
    if target.to is None:
        return found[target.of], None
    if target.to == BEST:
        return to_best(work, target.figure) if len(found) > 1 else (None, None)
    return found[target.of] / found[target.to], None


def results(works):
    """Every target as it stands, for JSON; reached is None where it was not measured."""
    rows = []
    for target in TARGETS:
        got, best = value(target, works)
        reached = None if got is None else \
            got >= target.limit if target.at_least else got <= target.limit
        rows.append({"work": target.work, "figure": target.figure, "of": target.of,
                     "to": best or target.to, "value": got,
                     "at least" if target.at_least else "at most": target.limit,
                     "reached": reached})
    return rows
