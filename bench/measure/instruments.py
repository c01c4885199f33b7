"""What is counted while the gateway works: instructions, system calls, CPU time, memory."""

import os
import re
import tempfile
import time

from measure import callgrind, load
from measure.gateway import Gateway
from measure.process import Failure, need


def perform(build, work, count, wrap=None, full_speed=False, around=None):
    """Does the work so many times, on a gateway of its own. `around` is called with the gateway
    before and after, and its answers are returned."""
    with tempfile.TemporaryDirectory(prefix="sallyport-bench-") as folder:
        with load.Sink(build, folder, work.sink_arguments(count)) as sink, \
             Gateway(build, folder, sink.port, wrap=wrap,
                     client_certificates=work.client_certificates) as gateway:
            arguments = [text.replace("{pki}", gateway.pki)
                         for text in work.arguments(count, full_speed)]
            before = around(gateway) if around else None
            done = load.drive(build, gateway, arguments)
            after = around(gateway) if around else None
            gateway.end()
            check(work, count, done, sink.finish())
            return before, after


def check(work, count, done, sunk):
    """What was measured is what was asked for, whole."""
    wanted = work.units(count)
    if work.name.startswith("handshake"):
        got = sunk["connects"]
        if done["tls"] != "TLSv1.3":
            raise Failure(f"{work.name}: {done['tls']} instead of TLSv1.3")
    elif work.sink:
        got = done["received"]
    else:
        got = sunk["received"]
    if got != wanted:
        raise Failure(f"{work.name}: {got} arrived of {wanted}")


def instructions(build, work):
    """(instructions per unit, {(function, library): of them})"""
    runs = []
    with tempfile.TemporaryDirectory(prefix="sallyport-bench-") as folder:
        for count in work.lengths:
            out = os.path.join(folder, str(count))
            perform(build, work, count, wrap=lambda command, out=out: callgrind.wrap(command, out))
            runs.append((work.units(count), callgrind.total(out), callgrind.functions(out)))
    (few, short, short_by), (many, long, long_by) = runs
    units = many - few
    by = {name: (own - short_by.get(name, 0)) / units for name, own in long_by.items()}
    return (long - short) / units, by


def system_calls(build, work):
    """(system calls per unit, {name: of them})"""
    runs = []
    with tempfile.TemporaryDirectory(prefix="sallyport-bench-") as folder:
        for count in work.lengths:
            out = os.path.join(folder, str(count))
            perform(build, work, count, wrap=lambda command, out=out: [
                need("strace", "strace"), "-f", "-c", "-o", out, *command])
            calls = {}
            with open(out, encoding="utf-8") as file:
                for line in file:
                    # % time, seconds, usecs/call, calls, [errors,] name
                    match = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?([a-z]\w*)$",
                                     line)
                    if match and match[2] != "total":
                        calls[match[2]] = int(match[1])
            runs.append((work.units(count), calls))
    (few, short), (many, long) = runs
    by = {name: (calls - short.get(name, 0)) / (many - few) for name, calls in long.items()}
    return sum(by.values()), by


def cpu_time(build, work):
    """Microseconds of CPU time of the gateway per unit at full speed, as the kernel counts them."""
    def on_core(gateway):
        total = 0
        for task in os.listdir(f"/proc/{gateway.pid}/task"):
            with open(f"/proc/{gateway.pid}/task/{task}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
        return total
    before, after = perform(build, work, work.speed_length, full_speed=True, around=on_core)
    return (after - before) / work.units(work.speed_length) / 1000


def proportional_set_size(pid):
    """PSS in bytes."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    raise Failure(f"/proc/{pid}/smaps_rollup has no line Pss")


def idle_memory(build, connections, client_certificates=False):
    """Bytes of the gateway for each idle TLS connection, with its connection to the broker."""
    with tempfile.TemporaryDirectory(prefix="sallyport-bench-") as folder:
        with load.Sink(build, folder) as sink, \
             Gateway(build, folder, sink.port, client_certificates=client_certificates) as gateway:
            own = ["--cert", f"{gateway.pki}/bench-1.crt", "--key", f"{gateway.pki}/bench-1.key"] \
                if client_certificates else []
            # What the first connection of all brings along (tables, code, buffers) is not theirs.
            load.drive(build, gateway, ["--clients", "1", "--visits", "20", *own])
            before = proportional_set_size(gateway.pid)
            with load.Clients(build, gateway, ["--idle", str(connections), "--seconds", "600",
                                               *own]) as clients:
                time.sleep(1)
                after = proportional_set_size(gateway.pid)
                clients.end()
            gateway.end()
    return (after - before) / connections
