"""Enhanced authentication of 5.0 is between the client and the broker: it passes through, but only
behind the verdict on CONNECT."""

from support import wire
from support.case import Case

AUTHENTICATION_METHOD, AUTHENTICATION_DATA = 0x15, 0x16
METHOD = [(AUTHENTICATION_METHOD, "SCRAM")]
ONLY_JOE = """
[[role]]
name = "joe"
match = { username = "joe" }

[[role.allow]]
id = "all"
publish = ["#"]
"""


def auth(reason, data=b"", method="SCRAM"):
    props = [(AUTHENTICATION_METHOD, method), (AUTHENTICATION_DATA, data)]
    return wire.packet(wire.AUTH, 0, bytes([reason]) + wire.properties(props))


def two_steps(connection, packet):
    """A broker that wants two answers before it accepts, and one to authenticate anew."""
    if packet.kind == wire.CONNECT:
        connection.steps, connection.open = 0, False
        connection.send(auth(0x18, b"question 0"))
    elif packet.kind == wire.AUTH and packet.reason == 0x19:
        connection.send(auth(0x18, b"who now?"))
    elif packet.kind == wire.AUTH and connection.open:
        connection.send(auth(0x00, b"welcome again"))
    elif packet.kind == wire.AUTH:
        connection.steps += 1
        connection.open = connection.steps == 2
        connection.send(wire.connack(version=5, props=METHOD + [(wire.MAXIMUM_PACKET_SIZE, 1000),
                                                                (wire.RECEIVE_MAXIMUM, 10)])
                        if connection.open else auth(0x18, b"question 1"))
    elif packet.kind == wire.PINGREQ:
        connection.send(wire.pingresp())


class Auth(Case):
    def begin(self):
        self.broker = self.fake_broker(two_steps)
        self.running = self.gateway(self.broker, ONLY_JOE)
        return self.client(self.running.port, version=5)

    def test_it_passes_both_ways_byte_for_byte_and_so_does_authentication_anew(self):
        client = self.begin()
        sent = [wire.connect("c", 5, username="joe", props=METHOD), auth(0x18, b"answer 0"), auth(0x18, b"answer 1")]
        client.send(sent[0])
        client.expect_raw(auth(0x18, b"question 0"))
        client.send(sent[1])
        client.expect_raw(auth(0x18, b"question 1"))
        client.send(sent[2])
        self.assertEqual(client.expect(wire.CONNACK).reason, 0)
        client.ping()
        sent += [wire.pingreq(), auth(0x19, b"once more"), auth(0x18, b"still me")]
        client.send(sent[4])
        client.expect_raw(auth(0x18, b"who now?"))
        client.send(sent[5])
        client.expect_raw(auth(0x00, b"welcome again"))
        client.ping()
        self.assertEqual(bytes(self.broker.connection().received), b"".join(sent) + wire.pingreq())
        self.assertEqual(self.running.audit_lines(event="refusal"), [])

    def test_the_verdict_on_connect_comes_before_and_the_broker_is_not_dialled(self):
        client = self.begin()
        client.send(wire.connect("c", 5, username="ann", props=METHOD), auth(0x18, b"answer"))
        self.assertEqual(client.expect(wire.CONNACK).reason, 0x87)
        client.expect_end()
        self.running.wait_audit(event="refusal", check="policy.no-role", packet="CONNECT")
        self.assertEqual(self.broker.accepted, 0)

    def test_auth_as_the_first_packet_is_refused_for_being_first(self):
        client = self.begin()
        client.send(auth(0x18, b"answer"))
        client.expect_end()
        self.running.wait_audit(event="refusal", check="mqtt.connect-first", packet="AUTH")
        self.running.wait_metric(1, "sallyport_refusals_total", rule="mqtt.connect-first")
        self.assertEqual(self.broker.accepted, 0)

    def test_another_method_than_connects_ends_it_before_the_broker_sees_it(self):
        for anew in (False, True):
            client = self.begin()
            client.send(wire.connect("c", 5, username="joe", props=METHOD))
            client.expect(wire.AUTH)
            if anew:
                client.send(auth(0x18), auth(0x18))
                client.expect(wire.AUTH)
                client.expect(wire.CONNACK)
            connection = self.broker.connection()
            before = len(connection.packets)
            client.send(auth(0x19 if anew else 0x18, b"answer", "PLAIN"))
            packet = client.receive()
            self.assertEqual((packet.kind, packet.reason), (wire.DISCONNECT if anew else wire.CONNACK, 0x82))
            client.expect_end()
            connection.wait_end()
            self.assertEqual(len(connection.packets), before)
            self.running.wait_audit(event="refusal", check="mqtt.auth-method")
