"""The work that is measured: what clients and sink are told to do, so many times."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Work:
    name: str
    what: str
    load: tuple                 # arguments of sallyport_load; {n}: how many, by each of {clients}
    lengths: tuple              # two run lengths, of which the difference counts, by each client
    figures: tuple              # those in which contenders are compared
    clients: int = 1
    sink: tuple = ()            # arguments of the sink; {n} as well
    is_delivery: bool = False   # the broker sends: so a broker that is measured itself cannot
    client_certificates: bool = False
    speed: tuple = None         # where instruments need another pace: the arguments without them
    speed_length: int = 0       # and how many, by each client

    def arguments(self, count, pki, full_speed=False):
        load = self.speed if full_speed and self.speed else self.load
        return [text.format(n=count, clients=self.clients, pki=pki) for text in load]

    def sink_arguments(self, count):
        return [text.format(n=count) for text in self.sink]

    @property
    def is_visits(self):
        return "--visits" in self.load

    def units(self, count):
        return count * self.clients


# An instrument slows a program down. A pace that it keeps up with leaves every message alone in its
# read, as it is at 400 a second without the instrument.
PACED = ("--clients", "{clients}", "--qos", "1", "--window", "1", "--messages", "{n}")
FULL = ("--clients", "{clients}", "--messages", "{n}")
DELIVERY = ("--subscribers", "{clients}", "--expect", "{n}", "--seconds", "600")
VISITS = ("--clients", "1", "--visits", "{n}")

WORK = (
    Work("exchange", "QoS 1 PUBLISH of 64 B and its PUBACK, 10 clients, each message by itself",
         (*PACED, "--rate", "40"), (40, 200), ("instructions", "calls", "cpu_us"), clients=10,
         speed=(*PACED, "--rate", "400"), speed_length=600),
    Work("publish", "QoS 0 PUBLISH of 64 B at full speed, one in a TLS record", FULL,
         (4000, 20000), ("instructions", "calls", "cpu_us"), speed_length=100000),
    Work("publish-x64", "QoS 0 PUBLISH of 64 B at full speed, 64 in a TLS record",
         (*FULL, "--messages-per-record", "64"), (12800, 64000), ("cpu_us",),
         speed_length=1280000),
    Work("publish-4k", "QoS 0 PUBLISH of 4 KiB at full speed, one in a TLS record",
         (*FULL, "--size", "4096"), (1000, 5000), ("cpu_us",), speed_length=40000),
    Work("delivery-64", "delivery of 64 B at full speed", DELIVERY, (10000, 50000), ("cpu_us",),
         sink=("--sink-deliver", "--messages", "{n}"), is_delivery=True, speed_length=200000),
    Work("delivery-4k", "delivery of 4 KiB at full speed", DELIVERY, (1000, 5000), ("cpu_us",),
         sink=("--sink-deliver", "--messages", "{n}", "--size", "4096"), is_delivery=True,
         speed_length=40000),
    Work("handshake", "full TLS 1.3 handshake, CONNECT, CONNACK, DISCONNECT, close", VISITS,
         (20, 120), ("instructions", "calls", "cpu_us"), speed_length=300),
    # Of interest for the gateway; not compared.
    Work("handshake-mutual", "the same with a client certificate",
         (*VISITS, "--cert", "{pki}/bench-1.crt", "--key", "{pki}/bench-1.key"), (20, 120), (),
         client_certificates=True, speed_length=300),
)
BY_NAME = {work.name: work for work in WORK}
