"""What triggers known bugs of client libraries does not reach the client: the audit log and the metrics
name the check, and where the frame is whole the session lives on. The rows are those of
conformance/client-bugs.toml."""

import dataclasses
import pathlib
import tomllib

from support import wire
from support.case import Case

TABLE = pathlib.Path(__file__).resolve().parent.parent / "conformance" / "client-bugs.toml"
with open(TABLE, "rb") as _file:
    BUGS = {bug["name"]: bug for bug in tomllib.load(_file)["bug"]}


@dataclasses.dataclass
class Trigger:
    """`packets`: of the broker, each by itself triggers the bug."""
    packets: list
    versions: tuple = (4,)
    asks: int = 0          # so many filters in a SUBSCRIBE come before it
    first: bool = False    # in place of CONNACK; the client is not let in
    ends: bool = False     # the session ends, because the framing is lost
    limits: str = ""
    connect_props: list = dataclasses.field(default_factory=list)


def properties(raw, size=None):
    return wire.varint(len(raw) if size is None else size) + raw


def delivery5(raw, size=None, qos=0):
    """A PUBLISH of 5.0 with these properties."""
    body = wire.binary("t") + (b"\0\7" if qos else b"") + properties(raw, size)
    return wire.packet(wire.PUBLISH, qos << 1, body)


TRIGGERS = {
    "CVE-2026-54412, PUBLISH": Trigger([b"\x30\x07\xff\xffABCDE", b"\x30\x04\x00\x03ab", b"\x32\x06\x00\x03abc\0"],
                                       (3, 4, 5)),
    "CVE-2026-54412, SUBACK": Trigger([b"\x90\x00", b"\x90\x01\x00", b"\x90\x02\x00\x01"], (3, 4, 5), asks=2),
    "CVE-2024-10525": Trigger([b"\x90\x03\x00\x01\x00", b"\x90\x02\x00\x01"], (5,), asks=1),
    "SUBACK, number of codes": Trigger([lambda v: wire.suback(1, [0], v), lambda v: wire.suback(1, [0] * 3, v),
                                        lambda v: wire.suback(1, [0] * 200, v)], (3, 4, 5), asks=2),
    "wolfMQTT#521": Trigger([lambda v: wire.suback(1, [3, 0], v), lambda v: wire.suback(1, [0, 0x7F], v)],
                            (3, 4, 5), asks=2),
    "wolfMQTT#545, CONNACK": Trigger([b"\x20\x00", b"\x20\x01\x00"], (3, 4, 5), first=True),
    "wolfMQTT#545, length": Trigger([b"\x70\x80\x80\x80\x80\x01", b"\x30\xff\xff\xff\xff\x01",
                                     b"\xd0\xff\xff\xff\xff\xff"], (3, 4, 5), ends=True),
    "wolfMQTT#443, coreMQTT before 5.0.1": Trigger(
        [wire.packet(wire.PUBACK, 0, b"\0\1\0" + properties(b"\x1f", 0x7F)),
         wire.packet(wire.PUBREC, 0, b"\0\1\0" + properties(b"\x1f\xff\xffab")),
         wire.packet(wire.PUBCOMP, 0, b"\0\1\0\xff\xff\xff\xff\x01"),
         delivery5(b"\x26\0\1k\xff\xffv"), delivery5(b"\x03\0\x20a", qos=1), delivery5(b"", 100, 2)], (5,)),
    "vernemq#1883": Trigger([delivery5(b"\x11\0\0\0\1"), delivery5(b"\x1f\0\1x", qos=1), delivery5(b"\x7e\0", qos=2),
                             delivery5(b"\x21\0\1"), delivery5(b"\x18\0\0\0\1")], (5,)),
    "nanomq#2145": Trigger([wire.packet(wire.CONNACK, 0, b"\0\0" + properties(b"\x21\0\5", 0x7F)),
                            wire.packet(wire.CONNACK, 0, b"\0\0" + properties(b"\x1f\0\x40short")),
                            wire.packet(wire.CONNACK, 0, b"\0\0\xff\xff\xff\xff\x01")], (5,), first=True),
    "CVE-2018-19417": Trigger([lambda v: wire.publish("t" * 65, b"x", version=v),
                               lambda v: wire.publish("t" * 60_000, b"x", 1, packet_id=7, version=v)], (3, 4, 5),
                              limits='max_delivery_topic = "64 B"'),
    "CVE-2021-41036": Trigger([lambda v: wire.publish("t", b"x" * 1024, version=v),
                               lambda v: wire.publish("t", b"x" * 200_000, 1, packet_id=7, version=v)], (3, 4, 5),
                              limits='max_delivery = "1 KiB"'),
    "topic of length 0": Trigger([lambda v: wire.publish("", b"x", version=v),
                                  lambda v: wire.publish("", b"", 2, packet_id=7, version=v)], (3, 4, 5)),
    "topic with a wildcard": Trigger([lambda v: wire.publish("#", b"x", version=v),
                                      lambda v: wire.publish("a/+/b", b"x", 1, packet_id=7, version=v)], (3, 4, 5)),
    "mosquitto#1144, rumqtt#958": Trigger(
        [lambda v: wire.publish(b"halle/K\xfchlung", b"1", retain=True, version=v),
         lambda v: wire.publish(b"a\0b", b"1", 1, packet_id=7, retain=True, version=v),
         lambda v: wire.publish(b"\xed\xa0\x80", b"1", 2, packet_id=7, version=v)], (3, 4, 5)),
    "PUBLISH without packet identifier": Trigger([b"\x32\x05\x00\x03abc", b"\x34\x06\x00\x03abc\0"], (3, 4, 5)),
    "packet identifier 0": Trigger([lambda v: wire.publish("t", b"x", 1, packet_id=0, version=v),
                                    lambda v: wire.publish("t", b"x", 2, packet_id=0, version=v),
                                    b"\x40\x02\x00\x00", b"\x62\x02\x00\x00"], (3, 4, 5)),
    "QoS 3": Trigger([b"\x36\x06\x00\x01t\x00\x07\x00", b"\x3f\x06\x00\x01t\x00\x07\x00"], (3, 4, 5)),
    "topic alias": Trigger([wire.publish("t", b"x", version=5, props=[(wire.TOPIC_ALIAS, 9)]),
                            wire.publish("t", b"x", 1, packet_id=7, version=5, props=[(wire.TOPIC_ALIAS, 0)]),
                            wire.publish("", b"x", 2, packet_id=7, version=5, props=[(wire.TOPIC_ALIAS, 2)])], (5,),
                           connect_props=[(wire.TOPIC_ALIAS_MAXIMUM, 3)]),
    "packets for a broker": Trigger([wire.pingreq(), lambda v: wire.connect("c", v), b"\x00\x00",
                                     lambda v: wire.subscribe([("a", 0)], 1, v),
                                     lambda v: wire.unsubscribe(["a"], 1, v)], (3, 4, 5)),
}


class ClientBugs(Case):
    def run_trigger(self, name):
        self.trigger, self.check = TRIGGERS[name], BUGS[name]["check"]
        limits = f"limits = {{ {self.trigger.limits} }}" if self.trigger.limits else ""
        self.stopped = 0
        self.packet = b""
        self.broker = self.fake_broker(self.answer)
        self.running = self.gateway(self.broker, listener_more=limits)
        for version in self.trigger.versions:
            for packet in self.trigger.packets:
                self.packet = packet(version) if callable(packet) else packet
                with self.subTest(version=version, packet=self.packet[:40].hex()):
                    self.send(version)

    def answer(self, connection, packet):
        """A broker that answers CONNECT, PINGREQ, and what begins with the trigger."""
        if packet.kind == wire.CONNECT:
            connection.send(self.packet if self.trigger.first else wire.connack(version=connection.version))
        elif packet.kind == wire.SUBSCRIBE:
            connection.send(self.packet)
        elif packet.kind == wire.PUBREC:
            connection.send(wire.ack(wire.PUBREL, packet.packet_id))
        elif packet.kind == wire.PINGREQ:
            connection.send(wire.pingresp())

    def send(self, version):
        client = self.client(self.running.port, version=version)
        props = self.trigger.connect_props
        if self.trigger.first:
            client.send(wire.connect("c", version))
            answer = client.receive()
            if version == 5:  # 3.x has no code that would be true
                self.assertEqual((answer.kind, answer.reason), (wire.CONNACK, 0x80))
                answer = client.receive()
            self.assertIsNone(answer)
            return self.named()
        client.open_session("c", props=props) if version == 5 else client.open_session("c")
        connection = self.broker.connection(self.broker.accepted - 1)
        if self.trigger.asks:
            client.send(wire.subscribe([(f"f{n}", 0) for n in range(self.trigger.asks)], 1, version))
        else:
            connection.send(self.packet)
        if self.trigger.ends:
            packet = client.receive()
            if version == 5:
                self.assertEqual((packet.kind, packet.reason), (wire.DISCONNECT, 0x80))
                packet = client.receive()
            self.assertIsNone(packet)
            return self.named()
        self.named()
        good = wire.publish("good", b"behind it", version=version)
        connection.send(good)
        client.send(wire.pingreq())
        got = []
        while (packet := client.receive()) is not None and packet.kind != wire.PINGRESP:
            got.append(packet)
        self.assertIsNotNone(packet, "the session lives on")
        self.assertIn(good, [packet.raw for packet in got])
        self.assertNotIn(self.packet, [packet.raw for packet in got])
        for packet in got:
            if packet.kind == wire.SUBACK:
                self.assertEqual(len(packet.codes), self.trigger.asks)
        if self.packet[0] >> 4 == wire.PUBLISH and self.acknowledged():
            connection.wait_packet(wire.PUBACK if self.packet[0] & 6 == 2 else wire.PUBCOMP)
        client.close()

    def acknowledged(self):
        """Has the delivery an identifier that can be acknowledged?"""
        return self.packet[0] & 6 in (2, 4) and b"\0\7" in self.packet

    def named(self):
        """The audit log and the metric have the check's name."""
        self.stopped += 1
        lines = self.running.wait_audit(self.stopped, event="refusal", check=self.check)
        self.running.wait_metric(self.stopped, "sallyport_refusals_total", rule=self.check)
        self.assertEqual({line["from"] for line in lines}, {"broker"})
        others = [line for line in self.running.audit_lines(event="refusal") if line.get("check") != self.check]
        self.assertEqual(others, [])

    def test_the_rows_are_those_of_the_table(self):
        self.assertEqual(list(TRIGGERS), list(BUGS))


def _test_of(name):
    return lambda self: self.run_trigger(name)


for _name in TRIGGERS:
    _method = "test_" + "".join(c if c.isalnum() else "_" for c in _name).lower().replace("__", "_")
    setattr(ClientBugs, _method, _test_of(_name))
