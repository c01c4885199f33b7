"""The work that is measured: what clients and sink are told to do, so many times."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Work:
    """In arguments, {n} is how many by each client, {clients} how many clients, {rate} their pace."""
    name: str
    what: str
    load: tuple                 # arguments of sallyport_load
    lengths: tuple              # two run lengths, of which the difference counts
    figures: tuple              # those in which contenders are compared
    speed_length: int           # the length where time is measured, not counts
    clients: int = 1
    sink: tuple = ()            # arguments of the sink
    rate: int = 0               # messages a second by each client, under an instrument
    speed_rate: int = 0         # and without one
    is_delivery: bool = False   # the broker sends: so a broker that is measured itself cannot
    client_certificates: bool = False

    def arguments(self, count, pki, full_speed=False):
        return self.fill(self.load, count, full_speed, pki=pki)

    def sink_arguments(self, count, full_speed=False):
        return self.fill(self.sink, count, full_speed)

    def fill(self, arguments, count, full_speed, **more):
        rate = self.speed_rate if full_speed else self.rate
        return [text.format(n=count, clients=self.clients, rate=rate, **more) for text in arguments]

    @property
    def is_visits(self):
        return "--visits" in self.load

    def units(self, count):
        return count * self.clients


# An instrument slows a program down. A pace that it keeps up with leaves every message alone in its
# read, as it is without the instrument at ten times that pace.
PACE = {"clients": 10, "rate": 40, "speed_rate": 400}
PACED = ("--clients", "{clients}", "--qos", "1", "--window", "1", "--messages", "{n}", "--rate",
         "{rate}")
FULL = ("--clients", "{clients}", "--messages", "{n}")
DELIVERY = ("--subscribers", "{clients}", "--expect", "{n}", "--seconds", "600")
DELIVER = ("--sink-deliver", "--messages", "{n}", "--rate", "{rate}")
VISITS = ("--clients", "1", "--visits", "{n}")

ALL = ("instructions", "calls", "cpu_us")
WORK = (
    Work("exchange", "QoS 1 PUBLISH of 64 B and its PUBACK, 10 clients, each message by itself",
         PACED, (40, 200), ALL, 500, **PACE),
    Work("publish", "QoS 0 PUBLISH of 64 B at full speed, one in a TLS record",
         FULL, (4000, 20000), ALL, 100000),
    Work("publish-x64", "QoS 0 PUBLISH of 64 B at full speed, 64 in a TLS record",
         (*FULL, "--messages-per-record", "64"), (12800, 64000), ("cpu_us",), 1280000),
    Work("publish-4k", "QoS 0 PUBLISH of 4 KiB at full speed, one in a TLS record",
         (*FULL, "--size", "4096"), (1000, 5000), ("cpu_us",), 40000),
    Work("delivery-64", "delivery of 64 B, 10 clients, each message by itself",
         DELIVERY, (40, 200), ("cpu_us",), 500, sink=DELIVER, is_delivery=True, **PACE),
    Work("delivery-64-full", "delivery of 64 B at full speed",
         DELIVERY, (10000, 50000), ("cpu_us",), 400000, sink=DELIVER, is_delivery=True),
    Work("delivery-4k", "delivery of 4 KiB at full speed",
         DELIVERY, (1000, 5000), ("cpu_us",), 40000, sink=(*DELIVER, "--size", "4096"),
         is_delivery=True),
    Work("handshake", "full TLS 1.3 handshake, CONNECT, CONNACK, DISCONNECT, close",
         VISITS, (20, 120), ALL, 300),
    # Of interest for the gateway; not compared.
    Work("handshake-mutual", "the same with a client certificate",
         (*VISITS, "--cert", "{pki}/bench-1.crt", "--key", "{pki}/bench-1.key"), (20, 120), (), 300,
         client_certificates=True),
)
BY_NAME = {work.name: work for work in WORK}
