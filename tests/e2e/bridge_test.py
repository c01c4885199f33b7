"""Mosquitto's bridges: a broker at the edge that dials the gateway, before a broker in the middle."""

from support import wire
from support.case import Case
from support.client import Client

BRIDGES = "limits = { bridges = true }"
# What mosquitto calls the version, the protocol level of its CONNECT, and how the gateway names it.
VERSIONS = (("mqttv31", 0x83, "3.1"), ("mqttv311", 0x84, "3.1.1"))


class Bridges(Case):
    def bridge(self, version, broker, **options):
        """A mosquitto at the edge, bridged through the gateway to `broker`."""
        running = self.gateway(broker, **options)
        edge = self.mosquitto([
            "connection to-the-middle", f"address 127.0.0.1:{running.port}", "topic up/# out 2",
            "topic down/# in 2", "remote_clientid edge-1", "try_private true", "cleansession true",
            "notifications false", "restart_timeout 1", f"bridge_protocol_version {version}"])
        return running, edge

    def session(self, port, name):
        client = Client(port)
        self.addCleanup(client.close)
        return client.open_session(name)

    def carries_messages_both_ways(self, edge, middle):
        below, above = self.session(edge.port, "below"), self.session(middle.port, "above")
        below.subscribe("down/#", qos=2)
        above.subscribe("up/#", qos=2)
        for qos in (0, 1, 2):
            for sender, topic, receiver in ((below, "up/x", above), (above, "down/x", below)):
                payload = f"{topic} {qos}".encode()
                sender.send(wire.publish(topic, payload, qos, packet_id=qos + 1))
                if qos:
                    sender.expect(wire.PUBACK if qos == 1 else wire.PUBREC)
                if qos == 2:
                    sender.send(wire.ack(wire.PUBREL, 3))
                    sender.expect(wire.PUBCOMP)
                packet = receiver.expect(wire.PUBLISH)
                self.assertEqual((packet.topic, packet.payload, packet.qos), (topic, payload, qos))
                if qos:
                    receiver.send(wire.ack(wire.PUBACK if qos == 1 else wire.PUBREC, packet.packet_id))
                if qos == 2:
                    receiver.expect(wire.PUBREL)
                    receiver.send(wire.ack(wire.PUBCOMP, packet.packet_id))

    def test_a_bridge_of_mosquitto_passes_where_the_listener_lets_it(self):
        for version, _, name in VERSIONS:
            with self.subTest(version=version):
                middle = self.mosquitto()
                running, edge = self.bridge(version, middle, listener_more=BRIDGES)
                running.wait_audit(event="session_begin", client_id="edge-1", version=name)
                running.wait_metric(1, "sallyport_packets_total", type="SUBACK")
                self.assertIn("New bridge connected", middle.log())
                self.carries_messages_both_ways(edge, middle)
                self.assertEqual(running.audit_lines(event="refusal"), [])

    def test_the_connect_of_a_bridge_reaches_the_broker_verbatim(self):
        for version, level, _ in VERSIONS:
            with self.subTest(version=version):
                broker = self.fake_broker(None)
                self.bridge(version, broker, listener_more=BRIDGES)
                connect = broker.connection().wait_packet(wire.CONNECT)
                name = wire.binary("MQIsdp" if level == 0x83 else "MQTT")
                self.assertTrue(connect.body.startswith(name + bytes([level])), connect.raw.hex())

    def test_elsewhere_it_is_refused_and_comes_as_a_client(self):
        """CONNACK 1 tells mosquitto that its private version is not spoken here."""
        for version, _, name in VERSIONS:
            with self.subTest(version=version):
                middle = self.mosquitto()
                running, edge = self.bridge(version, middle)
                running.wait_audit(event="refusal", check="mqtt.protocol-version", packet="CONNECT")
                running.wait_metric(1, "sallyport_refusals_total", rule="mqtt.protocol-version")
                running.wait_audit(event="session_begin", client_id="edge-1", version=name)
                running.wait_metric(1, "sallyport_packets_total", type="SUBACK")
                self.assertNotIn("New bridge connected", middle.log())
                self.carries_messages_both_ways(edge, middle)
