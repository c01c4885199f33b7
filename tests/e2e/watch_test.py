"""[reload] watch: files that change are in force without a signal; what does not load is said, and changes
nothing; sallyport_config_stale tells where files and memory differ. The ways in which files are replaced are
tests/unit/app/file_watch_test.cc's."""

import os
import shutil
import threading
import time

from support import pki, wire
from support.case import Case
from support.gateway import Listener, run_command

ALLOWING = """
[[role]]
name = "device"
[[role.allow]]
id = "first"
publish = ["first/#"]
"""
ALSO = ALLOWING + """
[[role.allow]]
id = "second"
publish = ["second/#"]
"""
STALE = "sallyport_config_stale"
RELOADS = "sallyport_config_reloads_total"


class Watch(Case):
    def setUp(self):
        super().setUp()
        self.broker = self.fake_broker()

    def start(self, policy=ALLOWING, **options):
        self.running = self.gateway(self.broker, policy, **options)
        return self.running

    def publish(self, client, topic):
        client.send(wire.publish(topic, b"x", qos=1, version=5))
        return client.expect(wire.PUBACK).reason

    def test_a_policy_that_changes_is_in_force_and_no_session_ends(self):
        running = self.start()
        client = self.client(running.port, version=5).open_session("one")
        self.assertEqual(self.publish(client, "second/x"), 0x87)
        for text, code in ((ALSO, 0), (ALLOWING, 0x87)):
            running.write_policy(text)
            self.until(lambda code=code: self.publish(client, "second/x") == code, "the policy is in force")
        running.wait_metric(2, RELOADS, result="ok")
        running.wait_gauge(0, STALE)
        self.assertEqual(self.broker.accepted, 1)
        self.assertEqual(running.metrics().value(RELOADS, result="failed"), 0)

    def test_a_broken_file_is_said_once_and_changes_nothing_until_it_is_mended(self):
        running = self.start(more='[reload]\npatience = "300 ms"\npoll = "200 ms"')
        client = self.client(running.port, version=5).open_session("one")
        running.write_policy(ALSO + "max_qoss = 1\n")
        running.wait_metric(1, RELOADS, result="failed")
        running.wait_gauge(1, STALE)
        self.assertIn("max_qoss", running.log())
        self.assertIn("stays in force", running.log())
        (line,) = running.wait_audit(event="reload", ok=False)
        self.assertEqual(line["errors"], 1)
        self.assertIn("policy.toml:", line["detail"])
        self.assertEqual(self.publish(client, "first/x"), 0)
        self.assertEqual(self.publish(client, "second/x"), 0x87)
        self.assertEqual(running.metrics().value("sallyport_config_last_reload_success"), 0)
        running.write_policy(ALSO)
        self.until(lambda: self.publish(client, "second/x") == 0, "the mended file is in force")
        running.wait_gauge(0, STALE)
        self.assertEqual(running.metrics().value(RELOADS, result="failed"), 1)
        self.assertEqual(running.metrics().value("sallyport_config_last_reload_success"), 1)

    def test_what_is_taken_back_after_it_was_reported_succeeds(self):
        running = self.start(more='[reload]\npatience = "100 ms"')
        running.write_policy("nonsense = 1\n")
        running.wait_metric(1, RELOADS, result="failed")
        running.write_policy(ALLOWING)
        running.wait_gauge(1, "sallyport_config_last_reload_success")
        running.wait_gauge(0, STALE)

    def test_what_is_taken_back_in_time_was_no_failure(self):
        running = self.start(more='[reload]\npatience = "1 min"')
        running.write_policy("nonsense = 1\n")
        running.wait_gauge(1, STALE)
        running.write_policy(ALLOWING)
        running.wait_gauge(0, STALE)
        self.assertEqual(running.metrics().value(RELOADS, result="failed"), 0)
        self.assertNotIn("nonsense", running.log())

    def test_switched_off_it_waits_to_be_told_and_says_that_files_are_ahead(self):
        running = self.start(more='[reload]\nwatch = false\npoll = "100 ms"')
        client = self.client(running.port, version=5).open_session("one")
        running.wait_gauge(0, STALE)
        running.write_policy(ALSO)
        running.wait_gauge(1, STALE)
        self.assertEqual(self.publish(client, "second/x"), 0x87)
        self.assertEqual(running.metrics().value(RELOADS, result="ok"), 0)
        self.assertTrue(running.reload())
        running.wait_gauge(0, STALE)

    def test_a_key_that_needs_a_restart_is_ahead_until_then(self):
        running = self.start()
        text = open(running.path("gateway.toml")).read()
        running.write("gateway.toml", text.replace("count = 1", "count = 2"))
        running.wait_metric(1, RELOADS, result="ok")
        running.wait_gauge(1, STALE)
        running.write("gateway.toml", text)
        running.wait_gauge(0, STALE)

    def test_a_mounted_volume_is_swapped_as_the_kubelet_does_it(self):
        running = self.start(start=False)
        folder = running.directory
        texts = {name: open(running.path(name)).read() for name in ("gateway.toml", "policy.toml")}

        def fill(number, policy):
            os.mkdir(running.path(f"..2026_{number}"))
            for name, text in {**texts, "policy.toml": policy}.items():
                with open(running.path(f"..2026_{number}/{name}"), "w") as file:
                    file.write(text)
        fill(0, ALLOWING)
        os.symlink("..2026_0", running.path("..data"))
        for name in texts:
            os.remove(running.path(name))
            os.symlink(f"..data/{name}", running.path(name))
        running.start()
        client = self.client(running.port, version=5).open_session("one")
        for number, (policy, code) in enumerate(((ALSO, 0), (ALLOWING, 0x87), (ALSO, 0)), 1):
            fill(number, policy)
            os.symlink(f"..2026_{number}", running.path("..data_tmp"))
            os.rename(running.path("..data_tmp"), running.path("..data"))
            shutil.rmtree(os.path.join(folder, f"..2026_{number - 1}"))
            self.until(lambda code=code: self.publish(client, "second/x") == code, "the volume is in force")
        running.wait_gauge(0, STALE)
        self.assertEqual(running.metrics().value(RELOADS, result="failed"), 0)


class WatchCertificates(Case):
    def setUp(self):
        super().setUp()
        self.running = self.gateway(self.fake_broker(), listeners=[Listener("devices", "optional")], start=False,
                                    more='[reload]\ndebounce = "50 ms"\npatience = "1 min"')
        text = open(self.running.path("gateway.toml")).read()
        for name in ("server.crt", "server.key", "ca.crt"):
            shutil.copy(pki.path(name), self.running.path(name))
            text = text.replace(pki.path(name), name)
        self.running.write("gateway.toml", text)
        self.running.start()

    def serial(self):
        with self.client(self.running.tls_port, tls="") as client:
            return client.socket.getpeercert()["serialNumber"].lstrip("0")

    def put(self, source, name):
        shutil.copy(pki.path(source), self.running.path(name))

    def test_a_pair_that_comes_in_two_steps_is_in_force_only_whole(self):
        old = self.client(self.running.tls_port, tls="sensor-1").open_session("old")
        self.put("server2.crt", "server.crt")
        self.running.wait_gauge(1, STALE)
        self.assertEqual(self.serial(), pki.serial("server.crt"))
        self.put("server2.key", "server.key")
        self.until(lambda: self.serial() == pki.serial("server2.crt"), "the new certificate is shown")
        self.running.wait_gauge(0, STALE)
        self.assertEqual(self.running.metrics().value(RELOADS, result="failed"), 0)
        old.ping()

    def test_another_authority_for_clients_counts(self):
        self.put("ca2.crt", "ca.crt")
        self.running.wait_metric(1, RELOADS, result="ok")
        self.client(self.running.tls_port, tls="stranger").open_session("new")


class Storm(Case):
    def test_files_that_change_every_50_ms_under_load(self):
        running = self.gateway(self.fake_broker(), ALLOWING, workers=2,
                               more='[reload]\ndebounce = "10 ms"\npatience = "1 min"')
        clients = [self.client(running.port, version=5).open_session(f"c{i}") for i in range(4)]
        over = threading.Event()

        def change():
            number = 0
            while not over.wait(0.05):
                number += 1
                running.write_policy((ALSO, ALLOWING)[number % 2] + f"# {number}\n")
        writer = threading.Thread(target=change)
        writer.start()
        try:
            end = time.monotonic() + 5
            while time.monotonic() < end:
                for client in clients:
                    client.send(*(wire.publish("first/x", b"x", qos=1, packet_id=i, version=5)
                                  for i in range(1, 21)))
                for client in clients:
                    for _ in range(20):
                        self.assertEqual(client.expect(wire.PUBACK).reason, 0)
        finally:
            over.set()
            writer.join()
        running.write_policy(ALSO + "# the last\n")

        def allowed():
            clients[0].send(wire.publish("second/x", b"x", qos=1, version=5))
            return clients[0].expect(wire.PUBACK).reason == 0
        self.until(allowed, "the last change is in force")
        running.wait_gauge(0, STALE)
        metrics = running.metrics()
        self.assertGreaterEqual(metrics.value(RELOADS, result="ok"), 1)
        self.assertEqual(metrics.value(RELOADS, result="failed"), 0)


class Check(Case):
    def test_check_does_not_wait_for_a_pipe(self):
        made = self.gateway(self.fake_broker(), start=False, observe_more='token = "token"')
        os.mkfifo(made.path("token"))
        code, _, errors = run_command("check", "-c", made.path("gateway.toml"), bound=30)
        self.assertEqual(code, 1)
        self.assertIn("is not a regular file", errors)
