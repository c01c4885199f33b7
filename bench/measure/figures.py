"""The figures of contenders at work: for one unit of it, side by side."""

import statistics
import time

from measure import load
from measure.instruments import CpuTime, Instructions, SystemCalls, proportional_set_size
from measure.process import Failure
from measure.stage import Stage
from measure.work import BY_NAME

INSTRUMENTS = {"instructions": Instructions, "calls": SystemCalls, "cpu_us": CpuTime}
MOST_LATE = 0.05    # of messages that keep a pace; more, and they are no longer each by itself


def counted(setup, kind, work, figure, progress, with_functions=False):
    """Instructions or system calls: {name: count}."""
    def instrument(folder):
        if figure == "instructions":
            return Instructions(folder, with_functions)
        return INSTRUMENTS[figure](folder)
    with Stage(setup, kind, instrument, work.client_certificates) as stage:
        by_name = stage.difference(work)
        if stage.late > MOST_LATE * stage.published:
            progress.warn(f"{kind.name}, {work.name}, {figure}: {stage.late} of {stage.published} "
                          "messages were late; the machine is busy with something else")
        stage.contender.end()
    return by_name


def cpu_times(setup, kinds, work, rounds, progress):
    """{contender: [microseconds, one a round]}: all are there at the same time, one works."""
    times = {kind.name: [] for kind in kinds}
    stages = []
    try:
        for kind in kinds:
            stages.append(Stage(setup, kind, CpuTime, work.client_certificates).__enter__())
        for stage in stages:
            stage.perform(work, work.lengths[0], counted=False, full_speed=True)
        for number in range(rounds):
            for stage in stages:
                progress.say(f"{work.name}: CPU time, round {number + 1} of {rounds}, "
                             f"{stage.contender.name}")
                used = stage.perform(work, work.speed_length, full_speed=True)[""]
                times[stage.contender.name].append(used / work.units(work.speed_length))
        for stage in stages:
            stage.contender.end()
    finally:
        for stage in stages:
            stage.__exit__(None, None, None)
    return times


def idle_memory(setup, kind, connections, client_certificates=False):
    """Bytes of the program for each idle TLS connection, with its connection to the broker: what so
    many connections take beside a quarter as many that are there already. What the first ones bring
    along (tables, code, room that earlier ones left) is not theirs."""
    own = ["--cert", f"{setup.pki}/bench-1.crt", "--key", f"{setup.pki}/bench-1.key"] \
        if client_certificates else []
    def idle(count, name):
        return load.Clients(setup.build, stage.contender,
                            ["--idle", str(count), "--client-id", f"{name}-%i", "--seconds", "600",
                             *own])
    with Stage(setup, kind, CpuTime, client_certificates) as stage, stage.sink():
        with idle(connections // 4, "first") as first:
            time.sleep(1)
            before = proportional_set_size(stage.contender.pid)
            with idle(connections, "bench") as others:
                time.sleep(1)
                after = proportional_set_size(stage.contender.pid)
                others.end()
            first.end()
        stage.contender.end()
    return (after - before) / connections


def two_workers(setup, kind, figure):
    """Counts for one exchange of QoS 1, with two workers and with one."""
    work = BY_NAME["exchange"]
    counts = []
    for workers in (2, 1):
        with Stage(setup, kind, INSTRUMENTS[figure], workers=workers) as stage:
            counts.append(sum(stage.difference(work).values()))
            stage.contender.end()
    return counts


CROWD = {"busy": 1000, "idle": 8000, "lengths": (2, 8)}


CONNECT_DEADLINE = 10  # seconds; the gateway's default


def crowd(setup, kind, figure, progress):
    """Counts for one exchange of QoS 1 by 1,000 clients at one a second each: beside 8,000 idle
    connections, and without them. Only messages are counted, not the way there."""
    busy, (few, many) = CROWD["busy"], CROWD["lengths"]
    with Stage(setup, kind, INSTRUMENTS[figure]) as stage, stage.sink():
        def window(count):
            arguments = ["--clients", str(busy), "--rate", "1", "--qos", "1", "--window", "1",
                         "--messages", str(count), "--hold", "--seconds", "600"]
            with load.Clients(setup.build, stage.contender, arguments) as clients:
                stage.instrument.start(stage.contender.pid)
                clients.go()
                done = clients.finish()
                counted = stage.instrument.stop()
            if done["acknowledged"] != busy * count:
                raise Failure(f"crowd: {done['acknowledged']} of {busy * count} were acknowledged")
            if done["late"] > MOST_LATE * done["published"]:
                progress.warn(f"crowd, {figure}: {done['late']} of {done['published']} messages were "
                              "late; the machine is busy with something else")
            return sum(counted.values())

        def one():
            return (window(many) - window(few)) / (busy * (many - few))
        progress.say(f"crowd: {figure}, {busy:,} busy clients")
        window(few)
        alone = one()
        progress.say(f"crowd: {figure}, {CROWD['idle']:,} idle clients more")
        with load.Clients(setup.build, stage.contender,
                          # Without keep-alive: 8,000 clients that ping are not idle.
                          ["--idle", str(CROWD["idle"]), "--client-id", "idle-%i",
                           "--keep-alive", "0", "--seconds", "3600"]) as idle:
            # Each has a timer from its CONNECT, which is looked at once more when that time is up.
            time.sleep(CONNECT_DEADLINE + 2)
            beside = one()
            idle.end()
        stage.contender.end()
    return beside, alone


def median_ratio(times, name, others):
    """Of a contender's times to the least of the others', round by round."""
    return statistics.median(
        mine / min(times[other][number] for other in others)
        for number, mine in enumerate(times[name]))
