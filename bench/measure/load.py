"""sallyport_load, on both ends of what is measured."""

import json
import os
import signal
import subprocess

from measure.process import Background, Failure, run


class Sink(Background):
    """The broker's place: `sallyport_load --sink`, by default on a port of its own."""

    def __init__(self, build, folder, arguments=(), port=0):
        super().__init__([os.path.join(build, "bench", "sallyport_load"), "--sink", str(port),
                          "--json", "--seconds", "3600", *arguments],
                         os.path.join(folder, "sink.log"), stdout=subprocess.PIPE)
        self.port = None

    def __enter__(self):
        super().__enter__()
        line = self.process.stdout.readline()
        if not line:
            raise Failure(f"the sink does not start:\n{self.tail()}")
        self.port = json.loads(line)["port"]
        return self

    def finish(self):
        """Its counts."""
        self.process.terminate()
        counts = json.loads(self.process.stdout.readline())
        self.wait(30)
        return counts


def command(build, contender, arguments):
    return [os.path.join(build, "bench", "sallyport_load"), "--port", str(contender.port), "--tls",
            "--ca", os.path.join(contender.site.pki, "ca.crt"),
            "--topic", "plant/%c/telemetry/temperature", "--filter", "plant/%c/cmd/+",
            "--patience", "300", "--json", *arguments]


def drive(build, contender, arguments):
    """One run of clients from beginning to end: its counts."""
    return json.loads(run(command(build, contender, arguments)).splitlines()[-1])


class Clients(Background):
    """Clients that are connected while the `with` block runs."""

    def __init__(self, build, contender, arguments):
        super().__init__(command(build, contender, arguments), contender.path("load.log"),
                         stdout=subprocess.PIPE)

    def __enter__(self):
        super().__enter__()
        line = self.process.stdout.readline()
        if not line or json.loads(line)["event"] != "ready":
            self.__exit__(None, None, None)
            raise Failure(f"the clients do not connect:\n{self.tail()}")
        return self

    def go(self):
        """To clients that --hold."""
        self.process.send_signal(signal.SIGUSR1)

    def finish(self, seconds=600):
        """Waits for an end by themselves: their counts."""
        line = self.process.stdout.readline()
        self.wait(seconds)
        return json.loads(line)
