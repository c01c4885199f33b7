"""What is allowed arrives byte for byte, in order, in both directions, however it was cut."""

import random

from support import wire
from support.case import Case
from support.fake_broker import polite

# Limits of the broker that are lower than the gateway's, so that CONNACK has no reason to change.
BROKER_LIMITS = [(wire.MAXIMUM_PACKET_SIZE, 65536), (wire.TOPIC_ALIAS_MAXIMUM, 8),
                 (wire.RECEIVE_MAXIMUM, 60)]


def answer(connection, packet):
    if packet.kind == wire.CONNECT and connection.version == 5:
        connection.send(wire.connack(version=5, props=BROKER_LIMITS))
    else:
        polite(connection, packet)


def topic_of(rng):
    return "/".join(rng.choice(("plant", "a", "ü", "", "line 4", "x" * 30))
                    for _ in range(rng.randint(1, 5))) or "empty"


def publish_props(rng, version, from_broker=False):
    if version != 5:
        return ()
    choices = [(0x01, 1), (0x02, rng.randint(0, 2**32 - 1)), (0x03, "text/plain"),
               (wire.RESPONSE_TOPIC, "answers/here"), (0x09, rng.randbytes(8)),
               (wire.USER_PROPERTY, ("name", "value")), (wire.USER_PROPERTY, ("name", "ä"))]
    if from_broker:
        choices.append((wire.SUBSCRIPTION_ID, rng.randint(1, 268435455)))
    return rng.sample(choices, rng.randint(0, 4))


def random_publish(rng, version, packet_id, qos, from_broker=False):
    payload = rng.randbytes(rng.choice((0, 1, 7, 100, 127, 128, 1000, 20000)))
    return wire.publish(topic_of(rng), payload, qos=qos, retain=rng.random() < 0.3,
                        packet_id=packet_id, version=version,
                        props=publish_props(rng, version, from_broker))


def random_batch(rng, version, first_id):
    """(packets of one batch, how many answers they get, ids that wait for PUBREL)"""
    packets, answers, releases = [], 0, []
    for number in range(rng.randint(5, 30)):
        packet_id = first_id + number
        what = rng.random()
        if what < 0.7:
            qos = rng.choice((0, 1, 2))
            packets.append(random_publish(rng, version, packet_id, qos))
            answers += 1 if qos else 0
            if qos == 2:
                releases.append(packet_id)
        elif what < 0.8:
            props = [(wire.SUBSCRIPTION_ID, 7)] if version == 5 and rng.random() < 0.5 else ()
            options = rng.choice((0, 1, 2)) | (rng.choice((0, 4, 8, 16)) if version == 5 else 0)
            filters = [(f, options) for f in ("a/#", "+/b", "#")[:rng.randint(1, 3)]]
            packets.append(wire.subscribe(filters, packet_id, version, props))
            answers += 1
        elif what < 0.9:
            packets.append(wire.unsubscribe(["a/#"], packet_id, version))
            answers += 1
        else:
            packets.append(wire.pingreq())
            answers += 1
    return packets, answers, releases


def cut(rng, data):
    parts, at = [], 0
    while at < len(data):
        size = rng.choice((1, 2, 3, 10, 100, 1460, 16384, 40000))
        parts.append(data[at:at + size])
        at += size
    return parts


class Transparent(Case):
    def random_client(self, version, tls):
        rng = random.Random(f"client {version} {tls}")
        broker = self.fake_broker(answer)
        gateway = self.gateway(broker)
        client = self.client(gateway.tls_port if tls else gateway.port, version=version,
                             tls="sensor-1" if tls else None)
        hello = wire.connect("device", version=version, username="user", password="pass",
                             will=("will/topic", b"gone", 1, True))
        client.send(hello)
        client.expect(wire.CONNACK)
        sent = bytearray(hello)
        first_id = 1
        for _ in range(20):
            packets, answers, releases = random_batch(rng, version, first_id)
            first_id += 40
            data = b"".join(packets)
            for part in cut(rng, data):
                client.send(part)
            for _ in range(answers):
                self.assertIsNotNone(client.receive())
            data += (second := b"".join(wire.ack(wire.PUBREL, i) for i in releases))
            client.send(second)
            for packet_id in releases:
                self.assertEqual(client.expect(wire.PUBCOMP).packet_id, packet_id)
            sent += data
        sent += wire.disconnect()
        client.send(wire.disconnect())
        connection = broker.connection()
        connection.wait_end()
        self.assertEqual(len(connection.received), len(sent))
        self.assertTrue(bytes(connection.received) == bytes(sent), "bytes differ")

    def test_random_packets_from_a_3_1_client_reach_the_broker_verbatim(self):
        self.random_client(3, tls=False)

    def test_random_packets_from_a_3_1_1_client_reach_the_broker_verbatim(self):
        self.random_client(4, tls=False)

    def test_random_packets_from_a_5_0_client_reach_the_broker_verbatim(self):
        self.random_client(5, tls=False)

    def test_random_packets_through_tls_reach_the_broker_verbatim(self):
        self.random_client(5, tls=True)

    def random_broker(self, version, tls):
        rng = random.Random(f"broker {version} {tls}")
        broker = self.fake_broker(answer)
        gateway = self.gateway(broker)
        client = self.client(gateway.tls_port if tls else gateway.port, version=version,
                             tls="sensor-1" if tls else None)
        client.open_session("device")
        connection = broker.connection()
        sent, received, released = b"", b"", 0
        for batch in range(20):
            packets = [random_publish(rng, version, batch * 40 + n + 1, rng.choice((0, 1, 2)), True)
                       for n in range(rng.randint(5, 30))]
            data = b"".join(packets)
            sent += data
            for part in cut(rng, data):
                connection.send(part)
            releases = []
            for _ in packets:
                packet = client.expect(wire.PUBLISH)
                received += packet.raw
                if packet.qos == 1:
                    client.send(wire.ack(wire.PUBACK, packet.packet_id))
                elif packet.qos == 2:
                    client.send(wire.ack(wire.PUBREC, packet.packet_id))
                    releases.append(packet.packet_id)
            released += len(releases)
            connection.wait_packet(wire.PUBREC, released) if released else None
            for packet_id in releases:
                release = wire.ack(wire.PUBREL, packet_id)
                connection.send(release)
                client.expect_raw(release)
                client.send(wire.ack(wire.PUBCOMP, packet_id))
        self.assertTrue(sent == received, "bytes differ")
        client.ping()

    def test_random_deliveries_reach_a_3_1_client_verbatim(self):
        self.random_broker(3, tls=False)

    def test_random_deliveries_reach_a_3_1_1_client_verbatim(self):
        self.random_broker(4, tls=False)

    def test_random_deliveries_reach_a_5_0_client_verbatim(self):
        self.random_broker(5, tls=False)

    def test_random_deliveries_through_tls_reach_the_client_verbatim(self):
        self.random_broker(5, tls=True)

    def conversation(self, version):
        return [wire.connect("device", version=version, will=("will/x", b"w", 0, False)),
                wire.subscribe([("a/+/b", 1)], 1, version),
                wire.publish("a/x/b", b"hello", qos=1, packet_id=2, version=version),
                wire.publish("a/y/b", b"", qos=0, version=version),
                wire.pingreq(), wire.disconnect()]

    def split_everywhere(self, version):
        broker = self.fake_broker(answer)
        gateway = self.gateway(broker)
        data = b"".join(self.conversation(version))
        for position in range(1, len(data)):
            with self.client(gateway.port, version=version) as client:
                client.send_in_parts([data[:position], data[position:]])
                connection = broker.connection(position - 1)
                connection.wait_end()
                self.assertEqual(connection.received.hex(), data.hex(), f"cut at {position}")

    def test_cut_at_every_position_3_1_1(self):
        self.split_everywhere(4)

    def test_cut_at_every_position_5_0(self):
        self.split_everywhere(5)

    def test_one_byte_at_a_time_in_both_directions(self):
        broker = self.fake_broker(lambda connection, packet: None)
        gateway = self.gateway(broker)
        client = self.client(gateway.port, version=5)
        hello = wire.connect("device", version=5)
        client.send_in_parts([bytes([b]) for b in hello])
        connection = broker.connection()
        connection.wait_packet(wire.CONNECT)
        replies = [wire.connack(version=5, props=BROKER_LIMITS),
                   wire.publish("a/b", b"payload", qos=1, packet_id=9, version=5),
                   wire.publish("a/b", b"", version=5)]
        connection.send_in_parts([bytes([b]) for b in b"".join(replies)])
        for reply in replies:
            client.expect_raw(reply)
        self.assertEqual(connection.received.hex(), hello.hex())

    def coalesced(self, version, tls):
        broker = self.fake_broker(answer)
        gateway = self.gateway(broker)
        client = self.client(gateway.tls_port if tls else gateway.port, version=version,
                             tls="sensor-1" if tls else None)
        # Nobody acknowledges here, so those of QoS 1 stay below the broker's Receive Maximum.
        many = [wire.publish(f"a/{n}", b"x" * n, qos=int(n % 10 == 0), packet_id=n + 10, version=version)
                for n in range(200)]
        data = b"".join(self.conversation(version)[:-1] + many + [wire.disconnect()])
        client.send(data)
        connection = broker.connection()
        connection.wait_end()
        self.assertEqual(len(connection.received), len(data))
        self.assertTrue(bytes(connection.received) == data, "bytes differ")

    def test_all_packets_of_a_session_in_one_write(self):
        for version in (3, 4, 5):
            with self.subTest(version=version):
                self.coalesced(version, tls=False)

    def test_all_packets_of_a_session_in_one_tls_write(self):
        for version in (3, 4, 5):
            with self.subTest(version=version):
                self.coalesced(version, tls=True)

    def test_a_payload_of_one_mebibyte_passes_both_ways(self):
        broker = self.fake_broker(answer=lambda c, p: c.send(wire.connack()) if p.kind == wire.CONNECT
                                  else None)
        gateway = self.gateway(broker, listener_more='limits = { max_packet = "2 MiB" }')
        client = self.client(gateway.tls_port, tls="sensor-1")
        client.open_session("device")
        big = wire.publish("a/b", random.Random(1).randbytes(1 << 20))
        client.send(big)
        connection = broker.connection()
        self.assertTrue(connection.wait_packet(wire.PUBLISH).raw == big, "to the broker")
        connection.send(big)
        self.assertTrue(client.expect(wire.PUBLISH).raw == big, "to the client")
