"""What operators see: audit log, metrics, health; and what must never be seen there."""

import contextlib
import json
import os
import re
import signal
import ssl
import subprocess
import urllib.request

from support import metrics, pki, ports, process, wait, wire
from support.case import Case
from support.gateway import Listener

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

SECRETS = ("pa55word-never-logged", "payload-never-logged", "will-never-logged")


class Audit(Case):
    def test_a_session_has_a_begin_and_an_end_with_who_and_why(self):
        gateway = self.gateway(self.fake_broker())
        client = self.client(gateway.tls_port, tls="sensor-1", version=5)
        client.open_session("dev-7", username="ann")
        client.send(wire.disconnect())
        client.expect_end()
        end = gateway.wait_audit(event="session_end")[0]
        begin = gateway.audit_lines(event="session_begin")[0]
        for line in (begin, end):
            self.assertEqual((line["listener"], line["address"], line["client_id"], line["username"],
                              line["version"]), ("devices", "127.0.0.1", "dev-7", "ann", "5.0"))
            self.assertEqual(line["certificate"]["cn"], "sensor-1")
            self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertEqual(begin["session"], end["session"])
        self.assertEqual((end["side"], end["kind"], end["begun"]), ("client", "disconnect", True))

    def test_every_refusal_has_a_line(self):
        gateway = self.gateway(self.fake_broker(), """
[[role]]
name = "r"
[[role.allow]]
id = "ok"
publish = ["ok"]
[[role.deny]]
id = "no"
publish = ["no"]
""")
        client = self.client(gateway.port, version=5).open_session("c")
        client.send(wire.publish("no", b"x", version=5), wire.publish("other", b"x", version=5),
                    wire.subscribe([("a", 0), ("b/#", 0)], 1, 5))
        client.expect(wire.SUBACK)
        gateway.wait_audit(4, event="refusal")
        lines = [(line["packet"], line["topic"], line.get("rule"), line.get("check"))
                 for line in gateway.audit_lines(event="refusal")]
        self.assertEqual(lines, [("PUBLISH", "no", "no", None), ("PUBLISH", "other", None, "policy.no-rule"),
                                 ("SUBSCRIBE", "a", None, "policy.no-rule"),
                                 ("SUBSCRIBE", "b/#", None, "policy.no-rule")])

    def test_a_will_that_the_broker_publishes_is_in_the_line_of_its_end(self):
        gateway = self.gateway(self.mosquitto())
        watcher = self.client(gateway.port).open_session("watcher")
        watcher.subscribe("last/#", qos=0)
        # Cut as soon as CONNECT has left, the broker may have it and may not; all that it publishes is told of.
        for i in range(10):
            with self.client(gateway.port) as client:
                client.send(wire.connect(f"cut-{i}", will=(f"last/cut-{i}", b"gone", 0, False)))
        for name, version, bytes_, left in (("leaves", 4, wire.disconnect(), False), ("goes", 4, b"", True),
                                            ("says", 5, wire.disconnect(4), True)):
            client = self.client(gateway.port, version=version)
            self.assertEqual(client.connect(name, will=(f"last/{name}", b"gone", 0, False)).reason, 0)
            client.send(bytes_)
            client.close()
            line = gateway.wait_audit(1, event="session_end", client_id=name)[0]
            self.assertEqual(line.get("will"), f"last/{name}" if left else None)
        published = set()
        while "last/says" not in published:
            published.add(watcher.expect(wire.PUBLISH).topic)
        self.until(lambda: published <= {line.get("will") for line in gateway.audit_lines(event="session_end")},
                   lambda: f"every Will is told of: {published}; {gateway.audit()}")
        self.assertIn("last/goes", published)
        self.assertNotIn("last/leaves", published)

    def test_the_certificate_of_a_client_that_is_refused_for_it_is_in_the_line(self):
        gateway = self.gateway(self.fake_broker(), listeners=[Listener("devices", "required")])
        for name, check in (("expired", "tls.certificate-expired"), ("stranger", "tls.certificate-untrusted")):
            with contextlib.suppress(ssl.SSLError, ConnectionError):
                # TLS 1.3 tells a client only after the handshake.
                self.client(gateway.tls_port, tls=name).connect("c")
            line = gateway.wait_audit(1, event="refusal", check=check)[0]
            self.assertEqual(line["phase"], "handshake")
            self.assertEqual(line["unverified_certificate"]["cn"], "sensor-1")
            self.assertEqual(int(line["unverified_certificate"]["serial"], 16), int(pki.serial(name + ".crt"), 16))
            self.assertNotIn("certificate", line)

    def test_no_password_and_no_payload_anywhere(self):
        password, payload, will = SECRETS
        gateway = self.gateway(self.fake_broker(), """
[[role]]
name = "r"
match = { client_id = "good*" }
[[role.allow]]
id = "ok"
publish = ["ok", "w"]
""", more='[log]\nlevel = "debug"')
        for name in ("good", "bad"):
            client = self.client(gateway.port, version=5)
            code = client.connect(name, username="ann", password=password, will=("w", will, 0, False)).reason
            if name == "good":
                self.assertEqual(code, 0)
                client.send(wire.publish("ok", payload, qos=1, version=5))
                client.expect(wire.PUBACK)
                client.send(wire.publish("refused", payload, qos=1, packet_id=2, version=5))
                client.expect(wire.PUBACK)
                client.send(wire.publish("refused", payload, version=5)[:-3], b"\xff" * 40)
                while client.receive():
                    pass
        gateway.wait_audit(1, event="refusal", packet="CONNECT")
        gateway.wait_audit(1, event="session_end", client_id="good")
        everything = gateway.log() + open(gateway.audit_path).read() + gateway.metrics().text
        for secret in SECRETS:
            self.assertNotIn(secret, everything)
            self.assertNotIn(secret.encode().hex(), everything)

    def test_what_a_client_writes_cannot_forge_a_line(self):
        gateway = self.gateway(self.fake_broker(), more='[log]\nlevel = "debug"',
                               listener_more='limits = { control_characters = "pass" }')
        client = self.client(gateway.port, version=5)
        client.connect('x"}\n{"event":"session_begin","client_id":"forged"}')
        client.send(wire.publish('$t"\n{"event":"forged"}', b"", version=5))
        client.ping()
        gateway.wait_audit(event="refusal")
        self.assertEqual(gateway.audit_lines(client_id="forged"), [])
        self.assertEqual(gateway.audit_lines(event="forged"), [])

    def test_a_client_that_is_refused_again_and_again_does_not_fill_the_disk(self):
        gateway = self.gateway(self.fake_broker(), '[[role]]\nname = "r"\n[[role.allow]]\nid = "a"\npublish = ["a"]\n')
        client = self.client(gateway.port).open_session("c")
        client.send(wire.publish("no", b"") * 5000)
        client.ping()
        gateway.wait_metric(5000, "sallyport_refusals_total", rule="policy.no-rule")
        lost = gateway.metrics().value("sallyport_audit_lines_lost_total")
        self.assertGreater(lost, 4000)
        self.assertLess(len(gateway.audit_lines(event="refusal")), 1000)
        gateway.stop()
        sums = gateway.audit_lines(event="repeated")
        said = sum(line["count"] for line in sums)
        self.assertEqual(said + len(gateway.audit_lines(event="refusal")), 5000)
        self.assertEqual({(line["of"], line["client_id"], line["check"], tuple(line["topics"])) for line in sums},
                         {("refusal", "c", "policy.no-rule", ("no",))})

    def test_one_clients_refusals_hide_none_of_anothers_behind_the_same_address(self):
        gateway = self.gateway(self.fake_broker(), '[[role]]\nname = "r"\n[[role.allow]]\nid = "a"\npublish = ["a"]\n')
        noisy = [self.client(gateway.port).open_session(f"noisy-{n}", username="noisy", password="x") for n in range(4)]
        for number in range(5):
            for client in noisy:
                client.send(wire.publish("noise", b"") * 1000)
                client.ping()
            with self.client(gateway.port) as quiet:
                quiet.open_session(f"quiet-{number}", username="quiet", password="y")
                quiet.send(wire.publish(f"safety/valve/{number}", b""))
                quiet.ping()
        for number in range(5):
            gateway.wait_audit(event="refusal", topic=f"safety/valve/{number}", username="quiet")
        self.assertGreater(gateway.metrics().value("sallyport_audit_lines_lost_total", reason="repeated"), 10000)

    def test_report_mode_names_every_refusal_or_counts_it_soon(self):
        gateway = self.gateway(self.fake_broker(), """
[[role]]
name = "r"
[[role.allow]]
id = "all"
publish = ["#"]
[[role.deny]]
id = "would"
publish = ["other/#"]
on_deny = "report"
""")
        client = self.client(gateway.port).open_session("c")
        client.send(*(wire.publish(f"other/{number}", b"") for number in range(400)))
        client.ping()
        named = lambda: len(gateway.audit_lines(event="refusal", rule="would"))
        counted = lambda: sum(line["count"] for line in gateway.audit_lines(event="repeated", rule="would"))
        self.until(lambda: named() + counted() == 400, "all are named or counted, while the gateway goes on")
        self.assertGreaterEqual(named(), 100)
        self.assertTrue(gateway.audit_lines(event="repeated", action="report")[0]["topics"])

    def test_connect_and_disconnect_in_one_write_is_a_session_as_any_other(self):
        gateway = self.gateway(self.fake_broker())
        client = self.client(gateway.port)
        client.send(wire.connect("both"), wire.disconnect())
        client.expect_end()
        end = gateway.wait_audit(event="session_end", client_id="both")[0]
        self.assertEqual((end["kind"], end["version"]), ("disconnect", "3.1.1"))

    def test_who_never_said_connect_has_no_version_and_no_end(self):
        gateway = self.gateway(self.fake_broker())
        with self.client(gateway.port):
            pass
        self.client(gateway.port).send(wire.pingreq())
        line = gateway.wait_audit(event="refusal", check="mqtt.connect-first")[0]
        self.assertNotIn("version", line)
        self.assertEqual(line["phase"], "connect")
        gateway.stop()
        self.assertEqual([end for end in gateway.audit_lines(event="session_end") if end["kind"] == "closed"], [])

    def test_what_cannot_be_seen_is_spelt_out(self):
        gateway = self.gateway(self.fake_broker())
        hidden = "a\u202e\u2028\u200b\ufeff\u2066z"
        self.client(gateway.port).open_session("c", username=hidden, password="x")
        self.assertEqual(gateway.wait_audit(event="session_begin")[0]["username"], hidden)
        with open(gateway.audit_path, encoding="utf-8") as file:
            text = file.read()
        self.assertFalse(set(hidden) - {"a", "z"} & set(text))
        self.assertIn("a\\u202e\\u2028\\u200b\\ufeff\\u2066z", text)

    def test_throttling_begins_and_ends(self):
        gateway = self.gateway(self.fake_broker(), '''
[[role]]
name = "r"
limits = { messages = "20/s", burst = 1, on_exceed = "throttle" }
[[role.allow]]
id = "a"
publish = ["a"]
''')
        client = self.client(gateway.port).open_session("fast")
        client.send(wire.publish("a", b"") * 10)
        begin = gateway.wait_audit(event="throttle_begin", client_id="fast")[0]
        client.ping()
        client.close()
        end = gateway.wait_audit(event="throttle_end", client_id="fast")[0]
        self.assertEqual(begin["session"], end["session"])
        self.assertEqual(begin.get("rule", begin.get("check")), "r.limits")
        self.assertGreaterEqual(end["count"], 1)
        self.assertGreater(end["throttled_seconds"], 0)
        self.assertEqual(len(gateway.audit_lines(event="throttle_begin")), 1)

    def test_a_broker_that_is_away_and_back_is_said_once_each(self):
        broker = self.mosquitto()
        broker.stop()
        gateway = self.gateway(broker)
        for number in range(5):
            self.assertEqual(self.client(gateway.port).connect(f"c{number}").reason, 3)
        self.until(lambda: "the broker cannot be reached" in gateway.log(), "it is in the log")
        broker.restart()
        self.client(gateway.port).open_session("back")
        self.until(lambda: "the broker is reached again" in gateway.log(), "that is, too")
        self.assertEqual(gateway.log().count("the broker cannot be reached"), 1)
        self.assertIn("connecting to it failed 5 times", gateway.log())

    def test_a_full_listener_is_in_the_log_and_in_the_audit_log(self):
        gateway = self.gateway(self.fake_broker(), listeners=[Listener("plain", more="max_connections = 1")])
        self.client(gateway.port).open_session("held")
        for _ in range(20):
            self.client(gateway.port).expect_end()
        self.until(lambda: 'listener "plain" refused' in gateway.log(), "it is in the log")
        lines = gateway.wait_audit(20, event="refusal", check="connection.max")
        for absent in ("session", "client_id", "version", "certificate"):
            self.assertNotIn(absent, lines[0])
        self.assertEqual((lines[0]["phase"], lines[0]["listener"], lines[0]["address"]),
                         ("accept", "plain", "127.0.0.1"))
        gateway.wait_metric(20, "sallyport_refusals_total", rule="connection.max", listener="plain",
                            phase="accept", reason="quota_exceeded")
        gateway.stop()
        self.assertLessEqual(gateway.log().count('listener "plain" refused'), 3)

    def test_the_audit_log_is_for_its_owner_only(self):
        gateway = self.gateway(self.fake_broker())
        self.client(gateway.port).open_session("c")
        gateway.wait_audit(event="session_begin")
        self.assertEqual(os.stat(gateway.audit_path).st_mode & 0o007, 0)

    def test_sigusr1_opens_the_log_again_after_it_was_renamed(self):
        gateway = self.gateway(self.fake_broker())
        self.client(gateway.port).open_session("before")
        gateway.wait_audit(client_id="before")
        os.rename(gateway.audit_path, gateway.audit_path + ".1")
        self.client(gateway.port).open_session("between")
        self.until(lambda: "between" in open(gateway.audit_path + ".1").read(), "the old file goes on")
        gateway.signal(signal.SIGUSR1)
        self.until(lambda: os.path.exists(gateway.audit_path), "the new file is there")
        self.client(gateway.port).open_session("after")
        gateway.wait_audit(client_id="after")
        self.assertNotIn("after", open(gateway.audit_path + ".1").read())

    def test_a_full_disk_loses_lines_and_counts_them(self):
        gateway = self.gateway(self.fake_broker(), observe_more="audit_queue = 16", start=False)
        text = open(gateway.path("gateway.toml")).read()
        gateway.write("gateway.toml", text.replace('"audit.jsonl"', '"/dev/full"'))
        gateway.start()
        self.until(lambda: self._lost_after_a_session(gateway), "lines are lost", every=0)
        self.assertIn("/dev/full", gateway.log())

    def _lost_after_a_session(self, gateway):
        for _ in range(50):  # many lines for each look, so that a slow machine gets there as well
            with self.client(gateway.port) as client:
                client.open_session("c").ping()
        return gateway.metrics().value("sallyport_audit_lines_lost_total") >= 1

    def test_audit_to_standard_output(self):
        gateway = self.gateway(self.fake_broker(), start=False)
        text = open(gateway.path("gateway.toml")).read()
        gateway.write("gateway.toml", text.replace('"audit.jsonl"', '"stdout"'))
        gateway.start()
        self.client(gateway.port).open_session("to-stdout")
        self.until(lambda: '"to-stdout"' in gateway.log(), "the line is on standard output")
        lines = [line for line in gateway.log().splitlines() if line.startswith("{")]
        self.assertEqual([json.loads(line)["event"] for line in lines[:2]], ["start", "session_begin"])


class Metrics(Case):
    def busy(self):
        """A gateway that has seen a bit of everything."""
        gateway = self.gateway(self.fake_broker(), '''
[[role]]
name = "r"
[[role.allow]]
id = "ok"
publish = ["ok/#"]
subscribe = ["ok/#"]
limit = { messages = "1/s", on_exceed = "throttle" }
''')
        client = self.client(gateway.tls_port, tls="sensor-1", version=5).open_session("c")
        client.subscribe("ok/#", "no/#")
        client.send(wire.publish("ok/1", b"x" * 100, version=5) * 3, wire.publish("no", b"", version=5))
        client.ping()
        self.client(gateway.tls_port).send(b"garbage" * 10)
        gateway.wait_metric(1, "sallyport_tls_handshakes_total", result="failed")
        self.assertFalse(self._bad_reload(gateway))
        return gateway

    @staticmethod
    def _bad_reload(gateway):
        gateway.write_policy("nonsense")
        return gateway.reload()

    def test_promtool_finds_nothing_to_complain_about(self):
        text = self.busy().metrics().text
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True,
                              text=True, check=False, timeout=wait.BOUND)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_names_help_and_labels(self):
        gateway = self.busy()
        seen = gateway.metrics()
        own = {name for name, _, _ in seen.samples if not name.startswith("process_")}
        self.assertFalse([name for name in own if not name.startswith("sallyport_")])
        for name, kind in seen.types.items():
            self.assertTrue(seen.helps.get(name), name)
            if name.startswith("sallyport_") and kind == "counter":
                self.assertRegex(name, r"_total$")
        labels = {label for _, has, _ in seen.samples for label in has}
        self.assertFalse(labels & {"client_id", "topic", "username", "address"}, "unbounded labels")

    def test_the_reference_is_what_the_command_prints_and_what_a_gateway_exposes(self):
        gateway = self.busy()
        printed = subprocess.run(gateway.command("metrics"), capture_output=True, text=True, check=True,
                                 timeout=wait.BOUND).stdout
        with open(os.path.join(ROOT, "deploy", "metrics.md"), encoding="utf-8") as file:
            self.assertEqual(file.read(), printed, "run: sallyport metrics > deploy/metrics.md")
        rows = re.findall(r"^\| `(\w+)` \| (counter|gauge|histogram) \|([^|]*)\|", printed, re.M)
        table = {name: (kind, re.findall(r"`(\w+)`", labels)) for name, kind, labels in rows}
        seen = gateway.metrics()
        self.assertEqual({name: kind for name, (kind, _) in table.items()}, seen.types)
        for name, labels, _ in seen.samples:
            family = name if name in table else re.sub("_(bucket|sum|count)$", "", name)
            self.assertEqual([label for label in labels if label != "le"], table[family][1], name)

    def test_what_is_counted(self):
        seen = self.busy().metrics()
        for at_least, name, labels in (
                (4, "sallyport_packets_total", {"from": "client", "type": "PUBLISH"}),
                (300, "sallyport_packet_bytes_total", {"from": "client", "type": "PUBLISH"}),
                (1, "sallyport_packets_total", {"from": "broker", "type": "CONNACK"}),
                (300, "sallyport_wire_bytes_total", {"side": "client", "direction": "received"}),
                (1, "sallyport_wire_bytes_total", {"side": "broker", "direction": "sent"}),
                (2, "sallyport_refusals_total", {"rule": "policy.no-rule", "reason": "not_authorized"}),
                (1, "sallyport_throttles_total", {"rule": "ok"}),
                (1, "sallyport_sessions_begun_total", {}), (1, "sallyport_sessions_open", {}),
                (2, "sallyport_connections_accepted_total", {"listener": "devices"}),
                (1, "sallyport_tls_handshakes_total", {"side": "client", "result": "ok"}),
                (1, "sallyport_tls_handshake_duration_seconds_count", {"side": "client"}),
                (1, "sallyport_broker_connects_total", {"result": "ok"}),
                (1, "sallyport_broker_connect_duration_seconds_count", {}),
                (1, "sallyport_rewrites_total", {"what": "subscribe"}),
                (1, "sallyport_config_reloads_total", {"result": "failed"}),
                (1, "sallyport_certificate_expiry_timestamp_seconds", {}),
                (1, "sallyport_build_info", {}), (1, "sallyport_audit_lines_written_total", {})):
            with self.subTest(name=name, labels=labels):
                self.assertGreaterEqual(seen.value(name, **labels), at_least)

    def test_a_made_up_name_of_a_client_makes_no_label(self):
        gateway = self.gateway(self.fake_broker())
        series = len(gateway.metrics().samples)
        for number in range(100):
            with self.client(gateway.port) as client:
                client.connect(f"name-{number}", username=f"user-{number}")
                client.send(wire.publish(f"topic/{number}", b""))
                client.ping()
        # But for the ten that are named because they are refused or send most.
        gateway.wait_metric(0.001, "sallyport_top_packets_per_second")
        now = gateway.metrics()
        for name in ("sallyport_top_packets_per_second", "sallyport_top_refused_per_second"):
            self.assertLessEqual(len(now.series(name)), 10)
        others = [sample for sample in now.samples if not sample[0].startswith("sallyport_top_")]
        self.assertLess(len(others), series + 20)
        for word in ("name-", "user-", "topic/"):
            self.assertNotIn(word, str(others))

    def test_prometheus_scrapes_it(self):
        gateway = self.busy()
        port = ports.free_port()
        config = os.path.join(self.directory, "prometheus.yml")
        with open(config, "w") as file:
            file.write("global: {scrape_interval: 200ms, scrape_timeout: 200ms}\n"
                       "scrape_configs:\n- job_name: sallyport\n  static_configs:\n"
                       f"  - targets: ['127.0.0.1:{gateway.metrics_port}']\n")
        with open(os.path.join(self.directory, "prometheus.log"), "wb") as log:
            server = process.start(
                ["prometheus", f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}",
                 f"--storage.tsdb.path={self.directory}/tsdb"], stdout=log, stderr=log)
        self.addCleanup(process.end, server)

        def query(expression):
            url = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.request.quote(expression)}"
            try:
                status, text = metrics.get(url)
            except OSError:
                return []
            return json.loads(text)["data"]["result"] if status == 200 else []
        self.until(lambda: [r for r in query("up") if r["value"][1] == "1"], "Prometheus finds it up")
        result = self.until(lambda: query('sallyport_packets_total{from="client",type="PUBLISH"}'),
                            "the counter is there")
        self.assertGreaterEqual(float(result[0]["value"][1]), 4)


class Health(Case):
    def test_healthz_and_readyz(self):
        gateway = self.gateway(self.fake_broker())
        for path in ("/healthz", "/readyz"):
            self.assertEqual(metrics.get(gateway.url(path))[0], 200)

    def test_a_gateway_whose_broker_is_away_is_healthy(self):
        gateway = self.gateway(f"127.0.0.1:{ports.free_port()}")
        self.client(gateway.port).connect("c")
        self.assertEqual(metrics.get(gateway.url("/healthz"))[0], 200)

    def test_other_paths_and_methods(self):
        gateway = self.gateway(self.fake_broker())
        self.assertEqual(metrics.get(gateway.url("/nothing"))[0], 404)
        request = urllib.request.Request(gateway.url("/metrics"), data=b"x", method="POST")
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=10)
        self.assertIn(caught.exception.code, (403, 404, 405))
        caught.exception.close()

    def test_its_address_may_be_of_ipv6(self):
        gateway = self.gateway(self.fake_broker(), start=False)
        port = ports.free_port("::1")
        with open(gateway.path("gateway.toml"), encoding="utf-8") as file:
            text = file.read()
        gateway.write("gateway.toml", text.replace(f'"127.0.0.1:{gateway.metrics_port}"', f'"[::1]:{port}"'))
        gateway.url = lambda path: f"http://[::1]:{port}{path}"
        gateway.start()
        for path in ("/healthz", "/readyz", "/metrics"):
            self.assertEqual(metrics.get(gateway.url(path))[0], 200)
        self.assertFalse(ports.is_listening(port))  # by IPv4
        self.assertIn(f"status page on http://[::1]:{port}/", gateway.log())

    def test_a_slow_scraper_does_not_stop_others(self):
        gateway = self.gateway(self.fake_broker(), observe_more='timeout = "10 min"')
        # More than may be there at once.
        idle = [self.client(gateway.metrics_port) for _ in range(40)]
        for client in idle[:20]:
            with contextlib.suppress(OSError):
                client.send(b"GET /metrics HT")
        for probe in ("/healthz", "/readyz"):
            self.assertEqual(metrics.get(gateway.url(probe), bound=wait.BOUND)[0], 200)
        self.assertEqual(metrics.get(gateway.url("/metrics"), bound=wait.BOUND)[0], 200)
        self.assertTrue(re.search("sallyport_", gateway.metrics().text))
