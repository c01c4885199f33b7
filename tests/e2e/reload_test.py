"""SIGHUP: policies, certificates and keys change without dropping a session; bad files change
nothing and say so."""

import os
import shutil
import signal
import time

from support import pki, wire
from support.case import Case
from support.gateway import Listener

ALLOWING = """
[[role]]
name = "device"
[[role.allow]]
id = "first"
publish = ["first/#"]
subscribe = ["#"]
"""
ALSO = ALLOWING + """
[[role.allow]]
id = "second"
publish = ["second/#"]
"""
OTHERS_ONLY = ALLOWING.replace('name = "device"', 'name = "device"\nmatch = { client_id = "other" }')


class PolicyReload(Case):
    def setUp(self):
        super().setUp()
        self.broker = self.fake_broker()
        self.running = self.gateway(self.broker, ALLOWING)
        self.clients = {v: self.client(self.running.port, version=v).open_session(f"c{v}") for v in (4, 5)}

    def publish(self, topic, version=5):
        client = self.clients[version]
        client.send(wire.publish(topic, b"x", qos=1, version=version))
        return client.expect(wire.PUBACK).reason

    def test_a_new_rule_takes_effect_on_live_sessions(self):
        self.assertEqual(self.publish("second/x"), 0x87)
        self.running.write_policy(ALSO)
        self.assertTrue(self.running.reload())
        self.until(lambda: self.publish("second/x") == 0, "the rule is in force")
        self.clients[4].ping()
        self.assertEqual(self.broker.accepted, 2)
        metrics = self.running.metrics()
        self.assertEqual(metrics.value("sallyport_config_last_reload_success"), 1)
        self.assertEqual(metrics.value("sallyport_policy_rules"), 2)

    def test_a_right_that_is_taken_away_is_gone_for_live_sessions(self):
        self.running.write_policy(ALSO)
        self.running.reload()
        self.until(lambda: self.publish("second/x") == 0, "the rule is in force")
        self.running.write_policy(ALLOWING)
        self.assertTrue(self.running.reload())
        self.until(lambda: self.publish("second/x") == 0x87, "the rule is gone")

    def test_deliveries_follow_the_new_policy(self):
        self.clients[5].subscribe("#")
        connection = self.broker.connection(1)
        connection.send(wire.publish("a", b"1", version=5))
        self.clients[5].expect(wire.PUBLISH)
        self.running.write_policy(ALLOWING + '[[role.deny]]\nid = "no-a"\nsubscribe = ["a"]\n')
        self.assertTrue(self.running.reload())
        self.clients[5].ping()
        connection.send(wire.publish("a", b"2", version=5), wire.publish("b", b"3", version=5))
        self.assertEqual(self.clients[5].expect(wire.PUBLISH).topic, "b")

    def test_an_identity_that_no_role_matches_any_more_is_ended(self):
        self.running.write_policy(OTHERS_ONLY)
        self.assertTrue(self.running.reload())
        goodbye = self.clients[5].expect(wire.DISCONNECT)
        self.assertGreaterEqual(goodbye.reason, 0x80)
        self.clients[5].expect_end()
        self.clients[4].expect_end()
        self.running.wait_audit(2, event="session_end", kind="policy_changed")

    def bad_policy(self, text, *says):
        self.running.write_policy(text)
        self.assertFalse(self.running.reload())
        log = self.running.log()
        for words in ("policy.toml", *says):
            self.assertIn(words, log)
        self.assertEqual(self.publish("first/x"), 0)
        self.assertEqual(self.publish("second/x"), 0x87)
        self.clients[4].ping()
        self.assertEqual(self.running.metrics().value("sallyport_config_last_reload_success"), 0)
        # And a good one heals it.
        self.running.write_policy(ALSO)
        self.assertTrue(self.running.reload())
        self.assertEqual(self.running.metrics().value("sallyport_config_last_reload_success"), 1)

    def test_a_policy_with_a_syntax_error_leaves_the_old_one_in_force(self):
        self.bad_policy(ALSO + "[[role.allow]\n")

    def test_a_policy_with_an_unknown_key_leaves_the_old_one_in_force(self):
        self.bad_policy(ALSO + "max_qoss = 1\n", "max_qoss")

    def test_a_policy_file_that_is_gone_leaves_the_old_one_in_force(self):
        os.remove(self.running.path("policy.toml"))
        self.assertFalse(self.running.reload())
        self.assertEqual(self.publish("first/x"), 0)

    def change_gateway_file(self, old, new):
        text = open(self.running.path("gateway.toml")).read()
        self.assertIn(old, text)
        self.running.write("gateway.toml", text.replace(old, new, 1))

    def test_a_bad_gateway_file_leaves_the_old_one_in_force(self):
        self.change_gateway_file("count = 1", "count = 1\ncolour = 2")
        self.running.write_policy(ALSO)  # good, but nothing of a bad reload counts
        self.assertFalse(self.running.reload())
        self.assertIn("colour", self.running.log())
        self.assertEqual(self.publish("second/x"), 0x87)

    def test_what_needs_a_restart_is_said(self):
        self.change_gateway_file("count = 1", "count = 3")
        self.running.write_policy(ALSO)
        self.assertTrue(self.running.reload())
        self.until(lambda: "restart" in self.running.log(), "it says so")
        self.until(lambda: self.publish("second/x") == 0, "the rest of the reload is in force")

    def test_new_limits_of_a_listener_count_for_new_sessions(self):
        self.change_gateway_file('name = "plain"', 'name = "plain"\nlimits = { max_packet = "1 KiB" }')
        self.assertTrue(self.running.reload())

        def too_large_now():
            with self.client(self.running.port, version=5) as client:
                client.open_session("new")
                client.send(wire.publish("first/x", b"x" * 2000, qos=1, version=5))
                packet = client.receive()
                return packet.kind == wire.DISCONNECT and packet.reason == 0x95
        self.until(too_large_now, "the new limit is in force")

    def test_a_broker_that_moved_is_dialled_by_new_sessions(self):
        other = self.fake_broker()
        self.change_gateway_file(f":{self.broker.port}", f":{other.port}")
        self.assertTrue(self.running.reload())

        def moved():
            with self.client(self.running.port) as client:
                client.open_session("new")
            return other.accepted > 0
        self.until(moved, "new sessions go to the new broker")
        self.clients[5].ping()

    def test_many_reloads_while_messages_flow(self):
        for number in range(20):
            self.running.write_policy(ALSO if number % 2 else ALLOWING)
            self.running.signal(signal.SIGHUP)
            for _ in range(5):
                self.assertEqual(self.publish("first/x"), 0)
                self.assertEqual(self.publish("first/x", 4), 0)
        self.running.wait_metric(1, "sallyport_config_reloads_total", result="ok")


class CertificateReload(Case):
    def setUp(self):
        super().setUp()
        self.broker = self.fake_broker()
        self.running = self.gateway(self.broker, listeners=[Listener("devices", "optional")], start=False)
        for name in ("server.crt", "server.key", "ca.crt"):
            shutil.copy(pki.path(name), self.running.path(name))
        text = open(self.running.path("gateway.toml")).read()
        for name in ("server.crt", "server.key", "ca.crt"):
            text = text.replace(pki.path(name), name)
        self.running.write("gateway.toml", text)
        self.running.start()

    def replace(self, crt, key):
        shutil.copy(pki.path(crt), self.running.path("server.crt"))
        shutil.copy(pki.path(key), self.running.path("server.key"))

    def serial(self):
        with self.client(self.running.tls_port, tls="") as client:
            return client.socket.getpeercert()["serialNumber"].lstrip("0")

    def test_new_handshakes_see_the_new_certificate_and_old_sessions_live_on(self):
        old = self.client(self.running.tls_port, tls="sensor-1").open_session("old")
        self.assertEqual(self.serial(), pki.serial("server.crt"))
        self.replace("server2.crt", "server2.key")
        self.assertTrue(self.running.reload())
        self.until(lambda: self.serial() == pki.serial("server2.crt"), "the new certificate is shown")
        old.ping()
        self.assertEqual(self.broker.accepted, 1)

    def test_a_key_that_does_not_fit_leaves_the_old_pair_in_force(self):
        self.replace("server2.crt", "server.key")
        self.assertFalse(self.running.reload())
        self.assertIn("server.key", self.running.log())
        self.assertEqual(self.serial(), pki.serial("server.crt"))

    def test_a_certificate_that_is_gone_leaves_the_old_one_in_force(self):
        os.remove(self.running.path("server.crt"))
        self.assertFalse(self.running.reload())
        self.assertIn("server.crt", self.running.log())
        self.assertEqual(self.serial(), pki.serial("server.crt"))

    def test_another_authority_for_clients_counts_for_all(self):
        old = self.client(self.running.tls_port, tls="sensor-1").open_session("old")
        shutil.copy(pki.path("ca2.crt"), self.running.path("ca.crt"))
        self.assertTrue(self.running.reload())
        self.client(self.running.tls_port, tls="stranger").open_session("new")
        old.expect_end()
        self.running.wait_audit(event="session_end", detail="tls.certificate-untrusted")

    def test_expiry_of_certificates_is_a_metric(self):
        series = self.running.metrics().series("sallyport_certificate_expiry_timestamp_seconds")
        self.assertEqual(len(series), 1)
        self.assertIn("devices", series[0][0]["certificate"])
        self.assertGreater(series[0][1], time.time())
        self.assertLess(series[0][1], time.time() + 31 * 86400)
