"""The work that is measured: what clients and sink are told to do, so many times."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Work:
    name: str
    what: str
    load: tuple                 # arguments of sallyport_load; {n}: how many, by each client
    lengths: tuple              # two run lengths for instruments, by each client
    clients: int = 1
    sink: tuple = ()            # arguments of the sink; {n} as well
    client_certificates: bool = False
    speed: tuple = None         # where instruments need another pace: the arguments at full speed
    speed_length: int = 0       # and how many, by each client

    def arguments(self, count, full_speed=False):
        load = self.speed if full_speed and self.speed else self.load
        return [text.format(n=count, clients=self.clients) for text in load]

    def sink_arguments(self, count):
        return [text.format(n=count) for text in self.sink]

    def units(self, count):
        return count * self.clients


# An instrument slows the gateway down. A pace that it keeps up with leaves every message alone in
# its read, as it is at 400 a second without the instrument.
PACED = ("--clients", "{clients}", "--qos", "1", "--window", "1", "--messages", "{n}")
FULL = ("--clients", "{clients}", "--messages", "{n}")
DELIVERY = ("--subscribers", "{clients}", "--expect", "{n}", "--seconds", "600")
VISITS = ("--clients", "{clients}", "--visits", "{n}")

WORK = (
    Work("qos1-64", "QoS 1 PUBLISH of 64 B and its PUBACK, 10 clients, each message by itself",
         (*PACED, "--rate", "50"), (50, 250), clients=10, speed=(*PACED, "--rate", "400"),
         speed_length=2000),
    Work("qos0-64", "QoS 0 PUBLISH of 64 B at full speed, one in a TLS record", FULL,
         (5000, 25000), speed_length=200000),
    Work("qos0-64-x64", "QoS 0 PUBLISH of 64 B at full speed, 64 in a TLS record",
         (*FULL, "--messages-per-record", "64"), (12800, 64000), speed_length=1280000),
    Work("qos0-4k", "QoS 0 PUBLISH of 4 KiB at full speed, one in a TLS record",
         (*FULL, "--size", "4096"), (1000, 5000), speed_length=50000),
    Work("delivery-64", "delivery of 64 B at full speed", DELIVERY, (10000, 50000),
         sink=("--sink-deliver", "--messages", "{n}"), speed_length=500000),
    Work("delivery-4k", "delivery of 4 KiB at full speed", DELIVERY, (1000, 5000),
         sink=("--sink-deliver", "--messages", "{n}", "--size", "4096"), speed_length=50000),
    Work("handshake", "full TLS 1.3 handshake, CONNECT, CONNACK, DISCONNECT, close", VISITS,
         (20, 100), speed_length=500),
    Work("handshake-mutual", "the same with a client certificate",
         (*VISITS, "--cert", "{pki}/bench-1.crt", "--key", "{pki}/bench-1.key"), (20, 100),
         client_certificates=True, speed_length=500),
)
