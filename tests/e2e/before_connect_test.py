"""Nothing before its turn: the broker is dialled only for a valid CONNECT that the policy allows."""

import random
import socket

from support import wire
from support.case import Case
from support.gateway import OPEN_POLICY

ONLY_DEVICES = """
[[role]]
name = "device"
match = { username = "device-*" }

[[role.allow]]
id = "all"
publish = ["plant/#"]
subscribe = ["plant/#"]
"""

BOUND_NAME = """
[[role]]
name = "device"
client_id = "only-${username}"

[[role.allow]]
id = "all"
publish = ["#"]
"""

# A CONNECT that the policy refuses: the CONNACK code per version.
NOT_AUTHORIZED = {3: 5, 4: 5, 5: 0x87}
BAD_CLIENT_ID = {3: 2, 4: 2, 5: 0x85}


class Gate(Case):
    def setUp(self):
        super().setUp()
        self.broker = self.fake_broker()

    def not_dialled(self):
        """The fake broker accepts at once, so that a later session tells that none came before."""
        self.assertEqual(self.broker.accepted, 0)

    def refused_by_policy(self, policy, codes, check, **options):
        gateway = self.gateway(self.broker, policy)
        for version, code in codes.items():
            with self.subTest(version=version):
                client = self.client(gateway.port, version=version)
                self.assertEqual(client.connect("somebody", **options).reason, code)
                client.expect_end()
                lines = gateway.wait_audit(event="refusal", version={3: "3.1", 4: "3.1.1", 5: "5.0"}[version])
                self.assertEqual(lines[0].get("check") or lines[0].get("rule"), check)
                self.assertEqual(lines[0]["packet"], "CONNECT")
        self.not_dialled()
        return gateway

    def test_connect_without_a_role_is_refused_with_the_code_of_its_version(self):
        gateway = self.refused_by_policy(ONLY_DEVICES, NOT_AUTHORIZED, "policy.no-role")
        gateway.wait_metric(3, "sallyport_refusals_total", rule="policy.no-role")

    def test_connect_with_another_client_identifier_than_the_bound_one_is_refused(self):
        self.refused_by_policy(BOUND_NAME, BAD_CLIENT_ID, "policy.client-id-binding", username="x")

    def test_connect_with_a_will_topic_that_no_rule_allows_is_refused(self):
        self.refused_by_policy(ONLY_DEVICES, NOT_AUTHORIZED, "policy.no-rule",
                               username="device-1", will=("elsewhere/x", b"", 0, False))

    def test_connect_with_an_allowed_will_passes(self):
        gateway = self.gateway(self.broker, ONLY_DEVICES)
        for version in (3, 4, 5):
            client = self.client(gateway.port, version=version)
            client.open_session("d", username="device-1", will=("plant/x", b"", 1, True))
        self.assertEqual(self.broker.accepted, 3)

    def closes_on(self, data, gateway=None, version=4):
        gateway = gateway or self.gateway(self.broker)
        client = self.client(gateway.port, version=version)
        client.send(data)
        client.expect_end()
        self.not_dialled()
        return gateway

    def test_the_first_packet_must_be_connect(self):
        gateway = self.gateway(self.broker)
        for data in (wire.publish("a", b"x"), wire.pingreq(), wire.subscribe([("#", 0)]),
                     wire.disconnect(), wire.ack(wire.PUBACK, 1)):
            with self.subTest(data=data.hex()):
                self.closes_on(data, gateway)
        gateway.wait_audit(5, event="session_end", detail="mqtt.connect-first")

    def test_256_mebibytes_announced_before_connect_close_at_once(self):
        gateway = self.closes_on(b"\x10\xff\xff\xff\x7f")
        gateway.wait_audit(event="session_end", detail="mqtt.packet-too-large")

    def test_a_connect_larger_than_the_limit_closes_before_it_has_arrived(self):
        self.closes_on(b"\x10" + wire.varint(16 * 1024 + 1))

    def test_a_remaining_length_of_five_bytes_closes(self):
        self.closes_on(b"\x10\xff\xff\xff\xff\x01")

    def test_the_beginning_of_a_remaining_length_is_no_error(self):
        gateway = self.gateway(self.broker)
        client = self.client(gateway.port)
        body = wire.connect("x" * 120, will=("w", b"y" * 100, 0, False))
        self.assertEqual(body[1] & 0x80, 0x80)
        client.send_in_parts([body[:1], body[1:2], body[2:]])
        self.assertEqual(client.expect(wire.CONNACK).reason, 0)

    def test_garbage_instead_of_mqtt_closes(self):
        gateway = self.gateway(self.broker)
        for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00" * 64, b"\xff" * 64,
                     b"SSH-2.0-x\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 40):
            with self.subTest(data=data[:8].hex()):
                self.closes_on(data, gateway)

    def test_garbage_instead_of_tls_closes_and_counts_a_failed_handshake(self):
        gateway = self.gateway(self.broker)
        rng = random.Random(4)
        for data in (b"GET / HTTP/1.1\r\n\r\n", wire.connect("x"), rng.randbytes(300), b"\0" * 300):
            with self.subTest(data=data[:8].hex()):
                client = self.client(gateway.tls_port)
                client.send(data)
                while client.receive():  # an alert may come first; it is no MQTT packet
                    pass
        gateway.wait_metric(4, "sallyport_tls_handshakes_total", side="client", result="failed")
        self.not_dialled()

    def test_garbage_inside_tls_closes(self):
        gateway = self.gateway(self.broker)
        for data in (b"GET / HTTP/1.1\r\n\r\n", b"\xf0\xff\xff\xff\xff", b"\0" * 100):
            with self.subTest(data=data[:8].hex()):
                client = self.client(gateway.tls_port, tls="")
                client.send(data)
                client.expect_end()
        self.not_dialled()

    def test_a_client_that_says_nothing_is_closed_in_time(self):
        gateway = self.gateway(self.broker, listener_more='limits = { connect_timeout = "2 s" }')
        silent = self.client(gateway.port)
        half = self.client(gateway.port)
        half.send(wire.connect("x")[:7])
        no_handshake = self.client(gateway.tls_port)
        after_handshake = self.client(gateway.tls_port, tls="")
        for client in (silent, half, no_handshake, after_handshake):
            client.expect_end()
        self.not_dialled()
        gateway.wait_audit(event="session_end", kind="connect_timeout")

    def test_unknown_protocol_levels_are_answered_and_closed(self):
        gateway = self.gateway(self.broker)
        for level in (0, 2, 6, 0x84, 255):
            with self.subTest(level=level):
                hello = bytearray(wire.connect("x"))
                hello[8] = level
                client = self.client(gateway.port)
                client.send(bytes(hello))
                self.assertIn(client.expect(wire.CONNACK).raw, (b"\x20\x02\0\x01", b"\x20\x03\0\x84\0"))
                client.expect_end()
        self.not_dialled()

    def test_a_wrong_protocol_name_is_closed(self):
        gateway = self.gateway(self.broker)
        hello = wire.connect("x").replace(b"MQTT", b"MQTX")
        client = self.client(gateway.port)
        client.send(hello)
        while client.receive():
            pass
        self.not_dialled()

    def test_malformed_connects_never_reach_the_broker(self):
        gateway = self.gateway(self.broker)
        good = wire.connect("device", version=5, will=("w/x", b"", 0, False), username="u")
        wrong = [
            good[:9] + bytes([good[9] | 1]) + good[10:],               # reserved flag
            good[:9] + bytes([good[9] | 0x18]) + good[10:],            # will QoS 3
            wire.connect("a\0b"), wire.connect(b"\xff\xfe"),           # not UTF-8 of MQTT
            wire.packet(wire.CONNECT, 1, wire.connect("x")[2:]),       # flags of the fixed header
            wire.packet(wire.CONNECT, 0, wire.connect("x")[2:] + b"?"),  # bytes left over
            wire.packet(wire.CONNECT, 0, wire.connect("xyz")[2:-1]),   # cut short
            wire.connect("x", version=5, props=[(wire.RECEIVE_MAXIMUM, 0)]),
            wire.connect("x", version=5, props=[(wire.SESSION_EXPIRY, 1)] * 2),
            wire.connect("x", version=5, props=[(wire.TOPIC_ALIAS, 1)]),
        ]
        for data in wrong:
            with self.subTest(data=data.hex()):
                client = self.client(gateway.port)
                client.send(data)
                packet = client.receive()
                if packet is not None:
                    self.assertEqual(packet.kind, wire.CONNACK)
                    self.assertNotEqual(packet.reason, 0)
                    client.expect_end()
        self.not_dialled()

    def test_packets_behind_connect_wait_for_the_brokers_answer(self):
        """Bytes behind CONNECT are decided only once the broker has accepted the client."""
        seen = []
        self.broker.answer = lambda connection, packet: seen.append(packet.kind)
        gateway = self.gateway(self.broker)
        client = self.client(gateway.port)
        client.send(wire.connect("x"), wire.publish("a/b", b"1"), wire.pingreq())
        connection = self.broker.connection()
        connection.wait_packet(wire.CONNECT)
        connection.send(wire.connack())
        client.expect(wire.CONNACK)
        connection.wait_packet(wire.PINGREQ)
        self.assertEqual(seen, [wire.CONNECT, wire.PUBLISH, wire.PINGREQ])

    def test_many_garbage_connections_cost_the_broker_nothing(self):
        gateway = self.gateway(self.broker, OPEN_POLICY)
        for number in range(100):
            with socket.create_connection(("127.0.0.1", gateway.port)) as raw:
                raw.sendall(bytes([number, 255, number]) * 10)
        client = self.client(gateway.port)
        client.open_session("good")
        self.assertEqual(self.broker.accepted, 1)
