"""Who gets which role, and what placeholders stand for."""

from support import wire
from support.case import Case
from support.gateway import Listener


def role(name, match, topic="ok"):
    match = f"match = {match}" if match else ""
    return f"""
[[role]]
name = "{name}"
{match}

[[role.allow]]
id = "{name}-rule"
publish = ["{topic}"]
"""


class Identity(Case):
    def setUp(self):
        super().setUp()
        self.broker = self.fake_broker()

    def connects(self, gateway, tls=None, client_id="c1", port=None, **options):
        """Whether this identity has any role."""
        client = self.client(port or (gateway.port if tls is None else gateway.tls_port), tls=tls, version=5)
        return client.connect(client_id, **options).reason == 0

    def may(self, gateway, topics, tls=None, client_id="c1", **options):
        """Which of these topics this identity may publish to."""
        client = self.client(gateway.port if tls is None else gateway.tls_port, tls=tls, version=5)
        client.open_session(client_id, **options)
        allowed = []
        for topic in topics:
            client.send(wire.publish(topic, b"", qos=1, version=5))
            if client.expect(wire.PUBACK).reason == 0:
                allowed.append(topic)
        return allowed

    def test_by_common_name_of_the_certificate(self):
        gateway = self.gateway(self.broker, role("r", '{ cert_cn = "sensor-?" }'))
        self.assertTrue(self.connects(gateway, "sensor-1"))
        self.assertFalse(self.connects(gateway, "operator"))
        self.assertFalse(self.connects(gateway, ""))
        self.assertFalse(self.connects(gateway))

    def test_by_dns_and_uri_names_of_the_certificate(self):
        for match in ('{ cert_san_dns = "*.plant.example" }', '{ cert_san_uri = "urn:device:*" }'):
            with self.subTest(match=match):
                gateway = self.gateway(self.broker, role("r", match))
                self.assertTrue(self.connects(gateway, "san"))
                self.assertFalse(self.connects(gateway, "sensor-1"))

    def test_by_username_and_client_identifier(self):
        gateway = self.gateway(self.broker, role("r", '{ username = ["alice", "b*"], client_id = "dev-*" }'))
        self.assertTrue(self.connects(gateway, client_id="dev-1", username="alice", password="x"))
        self.assertTrue(self.connects(gateway, client_id="dev-1", username="bob"))
        self.assertFalse(self.connects(gateway, client_id="dev-1", username="carol"))
        self.assertFalse(self.connects(gateway, client_id="dev-1"))
        self.assertFalse(self.connects(gateway, client_id="other", username="alice"))

    def test_by_address(self):
        gateway = self.gateway(self.broker, role("r", '{ address = "127.0.0.0/8" }'))
        self.assertTrue(self.connects(gateway))
        gateway = self.gateway(self.broker, role("r", '{ address = ["10.0.0.0/8", "::1"] }'))
        self.assertFalse(self.connects(gateway))

    def test_by_listener(self):
        gateway = self.gateway(self.broker, role("r", '{ listener = "plain" }'))
        self.assertTrue(self.connects(gateway))
        self.assertFalse(self.connects(gateway, "sensor-1"))

    def test_roles_of_one_identity_add_up(self):
        text = (role("all", "", "common") + role("dev", '{ cert_cn = "sensor-*" }', "sensors/#")
                + role("ops", '{ cert_cn = "operator" }', "ops/#"))
        gateway = self.gateway(self.broker, text)
        topics = ["common", "sensors/1", "ops/1"]
        self.assertEqual(self.may(gateway, topics, "sensor-1"), ["common", "sensors/1"])
        self.assertEqual(self.may(gateway, topics, "operator"), ["common", "ops/1"])
        self.assertEqual(self.may(gateway, topics), ["common"])

    def test_placeholders_stand_for_who_the_client_is(self):
        cases = {"${client_id}": "c1", "${username}": "ann", "${listener}": "devices"}
        for placeholder, value in cases.items():
            with self.subTest(placeholder=placeholder):
                gateway = self.gateway(self.broker, role("r", "", f"p/{placeholder}/#"))
                self.assertEqual(self.may(gateway, [f"p/{value}/x", "p/other/x"], "", username="ann"),
                                 [f"p/{value}/x"])
        for placeholder, value in {"${cert.san.dns}": "pump.plant.example",
                                   "${cert.san.uri}": "urn:device:42"}.items():
            with self.subTest(placeholder=placeholder):
                gateway = self.gateway(self.broker, role("r", "", f"p/{placeholder}/#"))
                self.assertEqual(self.may(gateway, [f"p/{value}/x", "p/other/x"], "san"), [f"p/{value}/x"])

    def test_the_certificates_name_is_the_devices_topic(self):
        gateway = self.gateway(self.broker, role("r", "", "plant/${cert.cn}/telemetry"))
        self.assertEqual(self.may(gateway, ["plant/sensor-1/telemetry", "plant/sensor-2/telemetry"],
                                  "sensor-1"), ["plant/sensor-1/telemetry"])

    def test_a_placeholder_without_a_value_matches_nothing(self):
        gateway = self.gateway(self.broker, role("r", "", "p/${username}/x"))
        self.assertEqual(self.may(gateway, ["p//x", "p/${username}/x"]), [])

    def test_wildcards_in_a_client_identifier_do_not_widen_a_rule(self):
        gateway = self.gateway(self.broker, role("r", "", "p/${client_id}/#"))
        for name in ("+", "#", "a/b"):
            with self.subTest(client_id=name):
                client = self.client(gateway.port, version=5)
                if client.connect(name).reason != 0:
                    continue  # refused as a whole is just as good
                client.send(wire.publish("p/a/b", b"", qos=1, version=5))
                self.assertEqual(client.expect(wire.PUBACK).reason, 0x87)

    def test_client_id_binding_ties_the_identifier_to_the_certificate(self):
        text = role("r", "", "#").replace('name = "r"', 'name = "r"\nclient_id = "${cert.cn}"')
        gateway = self.gateway(self.broker, text)
        self.assertTrue(self.connects(gateway, "sensor-1", "sensor-1"))
        self.assertFalse(self.connects(gateway, "sensor-1", "sensor-2"))
        self.assertFalse(self.connects(gateway, "sensor-1", ""))
        self.assertFalse(self.connects(gateway, "", ""))
        lines = gateway.wait_audit(2, event="refusal", check="policy.client-id-binding")
        self.assertEqual(lines[0]["certificate"]["cn"], "sensor-1")

    def test_publishing_to_dollar_topics_needs_a_rule_that_names_them(self):
        gateway = self.gateway(self.broker, role("r", "", "#"))
        self.assertEqual(self.may(gateway, ["$SYS/broker", "$other/x", "plain"]), ["plain"])

    def test_max_connections_per_address(self):
        gateway = self.gateway(self.broker, listeners=[
            Listener("plain", more="max_connections_per_address = 2")])
        held = [self.client(gateway.port).open_session(f"c{n}") for n in range(2)]
        third = self.client(gateway.port)
        third.expect_end()
        gateway.wait_metric(1, "sallyport_refusals_total", rule="connection.max-per-address")
        held[0].close()
        gateway.wait_gauge(1, "sallyport_sessions_open")
        self.until(lambda: self.finds_room(gateway), "there is room again")

    def finds_room(self, gateway):
        try:
            return self.connects(gateway)
        except (OSError, AssertionError):  # closed right after accept(), as the third one was
            return False
