"""Limits on messages and bytes: throttle, drop, disconnect, report; and what must survive them."""

import time

from support import wire
from support.case import VERSIONS, Case


def policy(limit, role_limits="", allow='publish = ["t/#"]\nsubscribe = ["#"]'):
    return f"""
[[role]]
name = "device"
{role_limits}

[[role.allow]]
id = "telemetry"
{allow}
{limit}

[[role.allow]]
id = "free"
publish = ["free/#"]
"""


class Limits(Case):
    def session(self, text, version=5, broker=None, name="device", **options):
        self.broker = broker or self.fake_broker()
        self.running = self.gateway(self.broker, text)
        client = self.client(self.running.port, version=version)
        client.open_session(name, **options)
        return client

    def flood(self, client, count, version=5, size=1, qos=1, topic="t/x"):
        """The reason codes that `count` messages at once are answered with."""
        client.send(b"".join(wire.publish(topic, b"x" * size, qos=qos, packet_id=n + 1, version=version)
                             for n in range(count)))
        answers = [client.expect(wire.PUBACK if qos == 1 else wire.PUBREC) for _ in range(count)]
        return [a.reason for a in sorted(answers, key=lambda a: a.packet_id)]

    def test_drop_answers_quota_exceeded_and_the_session_goes_on(self):
        client = self.session(policy('limit = { messages = "1/min", burst = 10, on_exceed = "drop" }'))
        self.assertEqual(self.flood(client, 30), [0] * 10 + [0x97] * 20)
        client.send(wire.publish("free/x", b"x", qos=1, packet_id=99, version=5))
        self.assertEqual(client.expect(wire.PUBACK).reason, 0)
        self.assertEqual(len(self.broker.connection().of_kind(wire.PUBLISH)), 11)
        self.running.wait_metric(20, "sallyport_refusals_total", rule="telemetry", reason="quota_exceeded")
        self.running.wait_audit(event="refusal", rule="telemetry")

    def test_drop_on_3_1_1_acknowledges_what_does_not_pass(self):
        for qos, name in ((1, "a"), (2, "b")):
            with self.subTest(qos=qos):
                text = policy('limit = { messages = "1/min", burst = 10, on_exceed = "drop" }')
                client = self.session(text, version=4, name=name)
                self.assertEqual(self.flood(client, 30, 4, qos=qos), [0] * 30)
                client.ping()
                self.assertEqual(len(self.broker.connection().of_kind(wire.PUBLISH)), 10)

    def test_bytes_are_limited_like_messages(self):
        client = self.session(policy('limit = { bytes = "10 KiB/s", on_exceed = "drop" }'))
        reasons = self.flood(client, 30, size=1000)
        self.assertEqual(reasons[:8], [0] * 8)  # what fits into one second's worth comes first
        self.assertLess(reasons.count(0), 25)
        self.assertEqual(set(reasons), {0, 0x97})

    def test_throttle_delays_and_loses_nothing(self):
        client = self.session(policy('limit = { messages = "20/s", burst = 5, on_exceed = "throttle" }'))
        begin = time.monotonic()
        self.assertEqual(self.flood(client, 35), [0] * 35)
        # 30 messages over the burst at 20/s take 1.5 s; the bound has room for the clock's grain.
        self.assertGreater(time.monotonic() - begin, 1.3)
        self.assertEqual(len(self.broker.connection().of_kind(wire.PUBLISH)), 35)
        self.running.wait_metric(1, "sallyport_throttles_total", rule="telemetry", **{"from": "client"})

    def test_throttle_keeps_the_order_of_everything(self):
        client = self.session(policy('limit = { messages = "50/s", burst = 5, on_exceed = "throttle" }'))
        sent = b"".join(wire.publish("t/x" if n % 2 else "free/x", str(n), version=5) for n in range(40))
        client.send(sent, wire.pingreq())
        client.expect(wire.PINGRESP)
        received = b"".join(p.raw for p in self.broker.connection().of_kind(wire.PUBLISH))
        self.assertTrue(received == sent, "bytes differ")

    def test_disconnect_says_why_and_closes(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                text = policy('limit = { messages = "1/min", burst = 3, on_exceed = "disconnect" }')
                client = self.session(text, version)
                client.send(b"".join(wire.publish("t/x", b"x", version=version) for _ in range(5)))
                if version == 5:
                    self.assertIn(client.expect(wire.DISCONNECT).reason, (0x96, 0x97))
                client.expect_end()
                connection = self.broker.connection()
                connection.wait_end()
                self.assertEqual(len(connection.of_kind(wire.PUBLISH)), 3)
                self.running.wait_audit(event="session_end", kind="refused", detail="telemetry")

    def test_report_lets_all_pass_and_counts_what_it_would_have_refused(self):
        client = self.session(policy('limit = { messages = "1/min", burst = 10, on_exceed = "report" }'))
        self.assertEqual(self.flood(client, 30), [0] * 30)
        self.running.wait_metric(20, "sallyport_refusals_total", rule="telemetry", action="report")
        self.assertEqual(len(self.broker.connection().of_kind(wire.PUBLISH)), 30)

    def test_limits_of_a_role_count_all_its_rules_together(self):
        client = self.session(policy("", 'limits = { messages = "1/min", burst = 10, on_exceed = "drop" }'))
        self.assertEqual(self.flood(client, 6), [0] * 6)
        self.assertEqual(self.flood(client, 10, topic="free/x"), [0] * 4 + [0x97] * 6)
        self.running.wait_metric(6, "sallyport_refusals_total", rule="device.limits")

    def test_every_client_has_a_budget_of_its_own(self):
        text = policy('limit = { messages = "1/min", burst = 5, on_exceed = "drop" }')
        first = self.session(text)
        second = self.client(self.running.port, version=5)
        second.open_session("another")
        self.assertEqual(self.flood(first, 7), [0] * 5 + [0x97] * 2)
        self.assertEqual(self.flood(second, 7), [0] * 5 + [0x97] * 2)

    def test_max_packet_of_a_role_ends_the_session(self):
        client = self.session(policy("", 'limits = { max_packet = "1 KiB" }'))
        client.send(wire.publish("t/x", b"x" * 2000, version=5))
        self.assertEqual(client.expect(wire.DISCONNECT).reason, 0x95)
        client.expect_end()

    def test_a_throttled_client_outlives_its_keep_alive_at_a_real_broker(self):
        """Mosquitto ends a session that is silent for one and a half keep-alive intervals, and so
        does the gateway; a pause may not bring that about, on either side."""
        text = policy('limit = { messages = "1/h", burst = 1, on_exceed = "throttle" }')
        client = self.session(text, 4, self.mosquitto(), keep_alive=2)
        client.send(b"".join(wire.publish("t/x", str(n), qos=1, packet_id=n + 1) for n in range(3)))
        answered, end = 0, time.monotonic() + 9
        while time.monotonic() < end:
            client.send(wire.pingreq())
            packet = client.receive()
            self.assertIsNotNone(packet, "the session ended")
            answered += packet.kind == wire.PUBACK
            time.sleep(0.25)
        client.send(wire.publish("free/x", b"x", qos=1, packet_id=9))
        self.assertIsNotNone(client.receive())
    test_a_throttled_client_outlives_its_keep_alive_at_a_real_broker.slow = True

    def test_a_client_that_is_only_refused_outlives_its_keep_alive_at_a_real_broker(self):
        """It sends enough; that nothing of it reaches the broker is not its fault."""
        for version in VERSIONS:
            client = self.session(policy(""), version, self.mosquitto(), keep_alive=1)
            end = time.monotonic() + 4
            while time.monotonic() < end:
                client.send(wire.publish("elsewhere", b"x", version=version))
                time.sleep(0.2)
            client.send(wire.publish("free/x", b"x", qos=1, version=version))
            packet = client.receive()
            while packet is not None and packet.kind == wire.PINGRESP:
                self.fail("an answer to a PINGREQ that the client never sent")
            self.assertIsNotNone(packet, "the session ended")
            self.assertEqual(packet.kind, wire.PUBACK)
            client.send(wire.pingreq() * 3, wire.subscribe([("t", 0)], 7, version))
            self.assertEqual([client.expect(k).kind for k in (wire.PINGRESP,) * 3 + (wire.SUBACK,)],
                             [wire.PINGRESP] * 3 + [wire.SUBACK])
    test_a_client_that_is_only_refused_outlives_its_keep_alive_at_a_real_broker.slow = True

    def test_a_silent_client_is_ended_after_one_and_a_half_keep_alive_intervals(self):
        for version in VERSIONS:
            client = self.session(policy(""), version, keep_alive=1)
            begin = time.monotonic()
            packet = client.receive()
            if version == 5:
                self.assertEqual((packet.kind, packet.reason), (wire.DISCONNECT, 0x8D))
                client.expect_end()
            else:
                self.assertIsNone(packet)
            self.assertGreater(time.monotonic() - begin, 1.4)
            self.running.wait_audit(event="session_end", kind="keep_alive", detail="mqtt.keep-alive")
    test_a_silent_client_is_ended_after_one_and_a_half_keep_alive_intervals.slow = True
