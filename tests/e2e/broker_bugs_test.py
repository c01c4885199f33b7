"""What triggers known bugs of brokers does not reach the broker: not one byte of it arrives there, and
the audit log and the metrics name the check. The rows are those of conformance/broker-bugs.toml."""

import dataclasses
import pathlib
import tomllib

from support import wire
from support.case import Case
from support.gateway import OPEN_POLICY

TABLE = pathlib.Path(__file__).resolve().parent.parent / "conformance" / "broker-bugs.toml"
with open(TABLE, "rb") as _file:
    BUGS = {bug["name"]: bug for bug in tomllib.load(_file)["bug"]}

PATTERN = """
[[role]]
name = "everybody"

[[role.allow]]
id = "own"
publish = ["own/${client_id}/#", "home/${username}/#"]
subscribe = ["own/${client_id}/#", "home/${username}/#"]
"""
NAMED = """
[[role]]
name = "named"
match = { username = "*" }
client_id = "${username}"

[[role.allow]]
id = "all"
publish = ["#"]
subscribe = ["#"]
"""
READER = """
[[role]]
name = "everybody"

[[role.allow]]
id = "mine"
subscribe = ["mine/#"]
"""


@dataclasses.dataclass
class Trigger:
    """`packets`: each by itself triggers the bug; None: the deliveries of the broker do."""
    packets: list
    version: int = 4
    first: bool = False          # they come in place of CONNECT
    after: bytes = b""           # what leads up to it, and passes
    policy: str = OPEN_POLICY
    limits: str = ""
    connect: dict = dataclasses.field(default_factory=lambda: {"client_id": "c"})
    deliveries: list = dataclasses.field(default_factory=list)


def with_will_property(raw):
    """A CONNECT of 5.0 whose Will has these properties."""
    body = (wire.binary("MQTT") + b"\x05\x06\0\x3c" + b"\0" + wire.binary("c")
            + wire.varint(len(raw)) + raw + wire.binary("will") + wire.binary("gone"))
    return wire.packet(wire.CONNECT, 0, body)


def with_property_length(raw):
    """A CONNECT of 5.0 whose property length is written in these bytes."""
    return wire.packet(wire.CONNECT, 0, wire.binary("MQTT") + b"\x05\x02\0\x3c" + raw + wire.binary("c"))


def many(count):
    return [(wire.USER_PROPERTY, ("k", "v"))] * count


def alias(number):
    return [(wire.TOPIC_ALIAS, number)]


WIDENED = [wire.publish("own/x/y", b"x"), wire.publish("home/x/y", b"x"), wire.subscribe([("own/#", 0)]),
           wire.subscribe([("own/+/y", 0), ("home/#", 1)])]

TRIGGERS = {
    "CVE-2019-11779, by length": Trigger([wire.subscribe([("/" * 65_400, 0)]), wire.subscribe([("/" * 1025, 0)]),
                                          wire.unsubscribe(["/" * 65_400]), wire.publish("/" * 65_400)]),
    "CVE-2019-11779, by levels": Trigger([wire.subscribe([("/" * 1024, 0)]), wire.subscribe([("/" * 32, 0)]),
                                          wire.publish("/" * 1000)]),
    "CVE-2017-7650, client identifier": Trigger(WIDENED, policy=PATTERN, connect={"client_id": "#"}),
    "CVE-2017-7650, username": Trigger(WIDENED, policy=PATTERN, connect={"client_id": "+", "username": "#"}),
    "CVE-2017-7651": Trigger([b"\x10\xff\xff\xff\x7f", b"\x10\xff\xff\xff\x7f" + b"\0\4MQTT" + b"\4" * 500,
                              b"\x10" + wire.varint(16 * 1024 + 1)], first=True),
    "CVE-2023-0809": Trigger([wire.publish("t", b"x" * 8000), wire.subscribe([("t", 0)]), wire.pingreq(),
                              wire.disconnect(), b"\xf0\x00", b"\xf0\x02\x00\x00"], first=True),
    "CVE-2017-7654": Trigger([wire.packet(wire.CONNECT, 0, b"\0\4MQTT\4\2\0\x3c\0\x20ab"),
                              wire.packet(wire.CONNECT, 0, b"\0\4MQTT\4\x06\0\x3c\0\1c\0\4will\xff\xff"),
                              wire.packet(wire.CONNECT, 0, b"\0\4MQTT\4\xc2\0\x3c\0\1c\0\4user")], first=True),
    "mosquitto#3448": Trigger([b"\x10\x0f\0\4MQTT\4\2\0\x3c\0\x3c\0\x3c\0" + b"\x3c\0" * 40 + b"\3abc",
                               wire.packet(wire.CONNECT, 0, b"\0\4MQTT\4\2\0\x3c\xff\xffabc")], first=True),
    "CVE-2021-34431": Trigger([wire.connect("c", 5, props=[(wire.SESSION_EXPIRY, 1), (wire.SESSION_EXPIRY, 2)]),
                               wire.connect("c", 5, props=[(0x15, "one"), (0x15, "two")])], 5, first=True),
    "CVE-2023-3592": Trigger([with_will_property(b"\x11\0\0\0\1"), with_will_property(b"\x1f\0\1x"),
                              with_will_property(b"\x7e\0")], 5, first=True),
    "CVE-2018-12543": Trigger([wire.publish("$foo/bar", b"x"), wire.publish("$SYS/broker/uptime", b"x", 1),
                               wire.publish("$", b"x", 2)]),
    "CVE-2021-34432": Trigger([wire.publish("", b"x"), wire.publish("", b"", 1)]),
    "CVE-2021-34432, 5.0": Trigger([wire.publish("", b"x", version=5, props=alias(3)),
                                    wire.publish("", b"", 1, version=5, props=alias(5))], 5),
    "CVE-2021-28166": Trigger([wire.connack(), wire.connack(code=5), wire.suback(1, [0]), wire.pingresp()]),
    "CVE-2023-28366": Trigger([wire.publish("t", b"x", 2, packet_id=4)], limits="max_qos2_in_flight = 3",
                              after=b"".join(wire.publish("t", b"x", 2, packet_id=n) for n in (1, 2, 3))),
    "CVE-2023-28366, one identifier": Trigger([wire.publish("t", b"x", 2, packet_id=1)],
                                              after=wire.publish("t", b"x", 2, packet_id=1)),
    "mosquitto 2.0.12": Trigger([wire.publish("t", b"x", version=5, props=many(10_000)),
                                 wire.publish("t", b"x", version=5, props=many(21)),
                                 wire.subscribe([("t", 0)], 1, 5, props=many(21)),
                                 wire.publish("t", b"", version=5, props=[(wire.USER_PROPERTY, ("k", "v" * 4096))])],
                                5),
    "CVE-2025-68699": Trigger([wire.subscribe([("$share/ab", 0)], 1, 5), wire.subscribe([("$share/", 0)], 1, 5),
                               wire.subscribe([("$share//a", 0)], 1, 5), wire.subscribe([("$share/a/", 0)], 1, 5)],
                              5),
    "CVE-2026-25627": Trigger([b"\x30\x05\0\xff\x61\x62\x63", b"\x82\x06\0\1\0\x20a\0", b"\xa2\x05\0\1\0\2a"]),
    "nanomq#2268": Trigger([b"\x82\x05\0\1\0\1a", b"\x82\x09\0\1\0\1a\0\0\1b"]),
    "nanomq#2270": Trigger([b"\x32\x05\0\3abc", b"\x34\x05\0\3abc", b"\x34\x06\0\3abc\0"]),
    "CVE-2021-34434": Trigger(None, policy=READER,
                              deliveries=[wire.publish("other/x", b"secret"),
                                          wire.publish("other/y", b"secret", 1, packet_id=2)]),
    "CVE-2018-12546": Trigger(None, policy=READER,
                              deliveries=[wire.publish("other/x", b"secret", retain=True),
                                          wire.publish("other/y", b"secret", 1, retain=True, packet_id=3)]),
    "CVE-2020-13849": Trigger([wire.connect("c", 4, keep_alive=65535), wire.connect("c", 4, keep_alive=0),
                               wire.connect("c", 3, keep_alive=1201)],
                              first=True, limits='mqtt3_keep_alive = "refuse"'),
    "CVE-2026-21888": Trigger([with_property_length(b"\x80\x80\x80\x80\x00"),
                               with_property_length(b"\xff\xff\xff\xff\x7f"),
                               with_property_length(b"\xff\xff\xff\xff\xff\xff")], 5, first=True),
    "CVE-2026-21888, Remaining Length": Trigger([b"\x30\xff\xff\xff\xff\x01", b"\x82\x80\x80\x80\x80\x01",
                                                 b"\xc0\x80\x80\x80\x80\x00"], 5),
    "CVE-2026-32696": Trigger([wire.connect("c"), wire.connect("")], first=True, policy=NAMED),
    "CVE-2024-50948, mochi#501": Trigger([b"\x82\x06\0\1\0\0\1a", b"\x82\x0a\0\1\0\0\1a\0\0\1b", b"\x82\x05\0\1\0\0\1",
                                          b"\xa2\x05\0\1\0\0\1"], 5),
    "GHSA-jxxm-27vp-c3m5": Trigger([wire.subscribe([("$MQTT/#", 0)]), wire.subscribe([("$MQTT/sub/+", 1)]),
                                    wire.publish("$MQTT/msgs/a", b"x"), wire.publish("$MQTT/rmsgs", b"x", 1)]),
    "CVE-2026-33215": Trigger([wire.connect("victim", username="me"), wire.connect("me/", username="me")],
                              first=True, policy=NAMED),
}


def silent(connection, packet):
    """A broker that accepts everybody and answers nothing but PINGREQ, so that nothing is completed."""
    if packet.kind == wire.CONNECT:
        connection.send(wire.connack(version=connection.version,
                                     props=[(wire.TOPIC_ALIAS_MAXIMUM, 5)] if connection.version == 5 else []))
    elif packet.kind == wire.PINGREQ:
        connection.send(wire.pingresp())


class BrokerBugs(Case):
    def run_trigger(self, name):
        trigger, self.check = TRIGGERS[name], BUGS[name]["check"]
        self.broker = self.fake_broker(silent)
        limits = f"limits = {{ {trigger.limits} }}" if trigger.limits else ""
        self.running = self.gateway(self.broker, trigger.policy, listener_more=limits)
        self.refused = 0
        if trigger.packets is None:
            self.deliver(trigger)
            return
        for packet in trigger.packets:
            if trigger.first:
                self.send_first(trigger, packet)
            else:
                self.send_later(trigger, packet)

    def named(self, at_least=1):
        """The audit log and the metric have the check's name, for as many as were refused."""
        self.refused += at_least
        lines = self.running.wait_audit(self.refused, event="refusal", check=self.check)
        self.running.wait_metric(self.refused, "sallyport_refusals_total", rule=self.check)
        self.assertTrue(all(line["action"] in ("drop", "disconnect") for line in lines))
        others = [line for line in self.running.audit_lines(event="refusal") if line.get("check") != self.check]
        self.assertEqual(others, [])

    def send_first(self, trigger, packet):
        client = self.client(self.running.port, version=trigger.version)
        client.send(packet)
        answer = client.receive()
        if answer is not None:
            self.assertEqual(answer.kind, wire.CONNACK)
            self.assertNotEqual(answer.reason, 0)
            client.expect_end()
        self.named()
        self.assertEqual(self.broker.accepted, 0)

    def send_later(self, trigger, packet):
        client = self.client(self.running.port, version=trigger.version)
        client.open_session(**trigger.connect)
        connection = self.broker.connection(self.broker.accepted - 1)
        client.send(trigger.after, wire.pingreq())
        client.expect(wire.PINGRESP)
        before = bytes(connection.received)
        self.assertTrue(before.endswith(trigger.after + wire.pingreq()))
        filters = packet[0] >> 4 == wire.SUBSCRIBE and self.check == "policy.no-rule"
        client.send(packet, wire.pingreq())
        # What is refused and answered leaves the session open; the rest ends it.
        while (answer := client.receive()) is not None and answer.kind != wire.PINGRESP:
            self.assertIn(answer.kind, (wire.SUBACK, wire.UNSUBACK, wire.PUBACK, wire.PUBREC, wire.DISCONNECT))
        self.named(packet_count(packet) if filters else 1)
        if answer is None:
            connection.wait_end()
            self.assertEqual(bytes(connection.received), before)
        else:
            self.assertEqual(bytes(connection.received), before + wire.pingreq())
        client.close()

    def deliver(self, trigger):
        """The broker is the one that would be wrong: it delivers what is not allowed any more."""
        client = self.client(self.running.port, version=trigger.version)
        client.open_session(**trigger.connect)
        connection = self.broker.connection()
        for packet in trigger.deliveries:
            connection.send(packet)
        connection.send(wire.publish("mine/x", b"allowed"))
        client.expect_raw(wire.publish("mine/x", b"allowed"))
        self.named(len(trigger.deliveries))
        client.ping()

    def test_the_rows_are_those_of_the_table(self):
        self.assertEqual(list(TRIGGERS), list(BUGS))


def packet_count(packet):
    """Filters of a SUBSCRIBE of 3.1.1: each is refused by itself."""
    at, count = 4, 0
    while at < len(packet):
        at, count = at + 3 + int.from_bytes(packet[at:at + 2], "big"), count + 1
    return count


def _test_of(name):
    return lambda self: self.run_trigger(name)


for _name in TRIGGERS:
    _method = "test_" + "".join(c if c.isalnum() else "_" for c in _name).lower().replace("__", "_")
    setattr(BrokerBugs, _method, _test_of(_name))
