"""A contender at work: it stands between clients and sink, which are new for each run of it."""

import tempfile
from dataclasses import dataclass

from measure import load
from measure.contender import Site
from measure.process import Failure, free_port


@dataclass(frozen=True)
class Setup:
    """What all measurements have in common."""
    build: str
    pki: str


class Stage:
    """One contender that runs while the `with` block runs, wrapped into what instrument(folder)
    makes."""

    def __init__(self, setup, kind, instrument, client_certificates=False, workers=1):
        self.setup = setup
        self.folder = tempfile.TemporaryDirectory(prefix="sallyport-bench-")
        self.broker = free_port()
        self.instrument = instrument(self.folder.name)
        self.contender = kind(Site(setup.build, setup.pki, self.folder.name, self.broker,
                                   workers, client_certificates), self.instrument.wrap)
        self.published = 0
        self.late = 0       # of those: by more than one interval, where clients keep a pace

    def __enter__(self):
        try:
            self.contender.__enter__()
        except Failure:
            self.folder.cleanup()
            raise
        return self

    def __exit__(self, *error):
        self.contender.__exit__(*error)
        self.folder.cleanup()

    def sink(self, arguments=()):
        return load.Sink(self.setup.build, self.folder.name, arguments, self.broker)

    def perform(self, work, count, counted=True, full_speed=False):
        """Does the work so many times. What the instrument counted meanwhile."""
        arguments = work.arguments(count, self.setup.pki, full_speed)
        with self.sink(work.sink_arguments(count, full_speed)) as sink:
            if counted:
                self.instrument.start(self.contender.pid)
            done = load.drive(self.setup.build, self.contender, arguments)
            counts = self.instrument.stop() if counted else None
            check(work, count, done, None if self.contender.is_broker else sink.finish())
        if counted:
            self.late += done["late"]
            self.published += done["published"]
        return counts

    def difference(self, work):
        """{name: count for one unit of work}, from two run lengths in a program that is warm."""
        few, many = work.lengths
        self.perform(work, few, counted=False)
        short, long = (self.perform(work, count) for count in work.lengths)
        units = work.units(many) - work.units(few)
        return {name: (long.get(name, 0) - short.get(name, 0)) / units
                for name in {*short, *long}}


def check(work, count, done, sunk):
    """What was measured is what was asked for, whole. `sunk`: the sink's counts, or None where the
    contender is the broker."""
    wanted = work.units(count)
    if done["tls"] != "TLSv1.3":
        raise Failure(f"{work.name}: {done['tls']} instead of TLSv1.3")
    if done["refused"]:
        raise Failure(f"{work.name}: {done['refused']} messages were refused")
    if work.is_visits:
        got = done["visits"] if sunk is None else sunk["connects"]
    elif work.is_delivery:
        got = done["received"]
    else:
        got = done["published"] if sunk is None else sunk["received"]
    if got != wanted:
        raise Failure(f"{work.name}: {got} arrived of {wanted}")

