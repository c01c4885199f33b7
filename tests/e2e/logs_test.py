"""The two logs as operators meet them: events, schema, formats, places, levels."""

import copy
import json
import os
import re
import resource
import socket
import threading

from support import audit, wire
from support.case import Case

POLICY = """
[[role]]
name = "r"
[[role.allow]]
id = "ok"
publish = ["ok/#"]
subscribe = ["ok/#"]
limit = { messages = "5/s", on_exceed = "throttle" }
[[role.deny]]
id = "no"
publish = ["no"]
"""


class Service:
    """A log service's socket, and the messages that it was sent."""

    def __init__(self, path):
        self.messages = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            self.messages.append(self.socket.recv(1 << 20).decode())


class Events(Case):
    def lines_of_everything(self, observe_more=""):
        """A gateway that has seen a bit of everything, and has ended; its audit lines."""
        broker = self.fake_broker()
        gateway = self.gateway(broker, POLICY, observe_more=observe_more)
        client = self.client(gateway.tls_port, tls="sensor-1", version=5).open_session("c", username="ann")
        client.send(wire.publish("no", b"x", version=5), wire.publish("ok/1", b"x" * 100, version=5) * 8)
        client.send(wire.publish("ok/2", b"x", version=5))
        gateway.wait_metric(1, "sallyport_throttles_total", rule="ok")
        self.client(gateway.tls_port).send(b"garbage" * 10)
        gateway.wait_metric(1, "sallyport_tls_handshakes_total", result="failed")
        noisy = self.client(gateway.port, version=5).open_session("noisy")
        noisy.send(*[wire.publish(f"other/{i}", b"", version=5) for i in range(150)])
        gateway.wait_metric(150, "sallyport_refusals_total", rule="policy.no-rule", phase="open")
        self.assertTrue(gateway.reload())
        gateway.write_policy("nonsense")
        self.assertFalse(gateway.reload())
        gateway.write_policy(POLICY)
        client.send(wire.disconnect())
        client.expect_end()
        gateway.stop()
        with open(gateway.audit_path, encoding="utf-8") as file:
            return audit.check_text(file.read(), gateway.audit_format)

    def test_every_event_that_there_is_to_see_is_as_the_schema_says(self):
        lines = self.lines_of_everything()
        events = {line["event"] for line in lines}
        self.assertLessEqual({"start", "stop", "reload", "session_begin", "session_end", "refusal",
                              "throttle_begin", "throttle_end", "repeated"}, events)
        self.assertEqual((lines[0]["event"], lines[-1]["event"]), ("start", "stop"))
        self.assertEqual(lines[-1]["detail"], "SIGTERM")
        # And the check can fail: each line is wrong without what it must have, and with more.
        for line in {line["event"]: line for line in lines}.values():
            for key in ("time", "schema", "event", "instance"):
                without = copy.deepcopy(line)
                del without[key]
                self.assertRaises(AssertionError, audit.check_text, json.dumps(without) + "\n")
            for change in ({"unknown": 1}, {"schema": 2}, {"time": "now"}, {"session": "1"}):
                self.assertRaises(AssertionError, audit.check_text, json.dumps({**line, **change}) + "\n")

    def test_totals_at_the_end_of_a_session(self):
        lines = self.lines_of_everything()
        end = next(line for line in lines if line["event"] == "session_end" and line["client_id"] == "c")
        self.assertEqual(end["packets"]["from_client"], 1 + 1 + 9 + 1)
        self.assertGreater(end["bytes"]["from_client"], 800)
        self.assertEqual(end["refused"], 1)
        self.assertGreaterEqual(end["throttled"], 1)

    def test_report_mode_loses_no_topic_without_a_count(self):
        lines = self.lines_of_everything()
        noisy = [line for line in lines if line.get("client_id") == "noisy" and "check" in line]
        single = [line for line in noisy if line["event"] == "refusal"]
        sums = [line for line in noisy if line["event"] == "repeated"]
        self.assertEqual(len(single) + sum(line["count"] for line in sums), 150)
        for line in sums:
            self.assertTrue(all(topic.startswith("other/") for topic in line["topics"]))

    def test_ecs_and_ocsf(self):
        # The harness and check_text() hold every line against the published schema.
        lines = self.lines_of_everything('audit_format = "ecs"\ninstance = "gw-7"')
        self.assertEqual({line["observer"]["name"] for line in lines}, {"gw-7"})
        denied = [line for line in lines if line["event"]["action"] == "refusal" and "rule" in line]
        self.assertEqual((denied[0]["rule"]["name"], denied[0]["device"]["id"], denied[0]["user"]["name"],
                          denied[0]["source"]["ip"]), ("no", "c", "ann", "127.0.0.1"))
        lines = self.lines_of_everything('audit_format = "ocsf"')
        refused = [line for line in lines if line["type_uid"] == 400105]
        self.assertIn("no", [line["firewall_rule"]["name"] for line in refused])
        for line in lines:
            self.assertEqual(line["type_uid"], line["class_uid"] * 100 + line["activity_id"])
            self.assertEqual(line["category_uid"], line["class_uid"] // 1000)

    def test_the_hash_is_of_what_is_in_force(self):
        gateway = self.gateway(self.fake_broker())
        first = gateway.wait_audit(event="start")[0]["config"]
        self.assertTrue(gateway.reload())
        gateway.write_policy(POLICY)
        self.assertTrue(gateway.reload())
        gateway.write_policy("nonsense")
        self.assertFalse(gateway.reload())
        same, changed, failed = gateway.wait_audit(3, event="reload")
        self.assertEqual((same["ok"], same["config"]), (True, first))
        self.assertEqual(changed["ok"], True)
        self.assertNotEqual(changed["config"], first)
        self.assertEqual((failed["ok"], failed["config"], failed["errors"]), (False, changed["config"], 1))
        self.assertRegex(first, "^[0-9a-f]{64}$")

    def test_a_session_number_does_not_come_again_after_a_restart(self):
        gateway = self.gateway(self.fake_broker(), workers=2)
        for name in ("a", "b", "c"):
            self.client(gateway.port).open_session(name)
        before = {line["session"] for line in gateway.wait_audit(3, event="session_begin")}
        gateway.stop()
        gateway._stopped = False  # pylint: disable=protected-access
        gateway.start()
        for name in ("d", "e", "f"):
            self.client(gateway.port).open_session(name)
        all_of_them = [line["session"] for line in gateway.wait_audit(6, event="session_begin")]
        self.assertEqual(len(set(all_of_them)), 6)
        self.assertEqual(len(before), 3)
        self.assertLess(max(all_of_them), 2 ** 53)

    def test_a_broker_that_is_away_and_back(self):
        broker = self.mosquitto()
        broker.stop()
        gateway = self.gateway(broker)
        self.client(gateway.port).connect("c")
        down = gateway.wait_audit(event="broker_down")[0]
        self.assertEqual((down["broker"], down["check"]), (f"127.0.0.1:{broker.port}", "broker.connection-refused"))
        broker.restart()
        self.client(gateway.port).open_session("back")
        up = gateway.wait_audit(event="broker_up")[0]
        self.assertGreaterEqual(up["count"], 1)

    def test_the_brokers_last_code(self):
        broker = self.fake_broker()
        gateway = self.gateway(broker)
        client = self.client(gateway.port, version=5).open_session("c")
        broker.connection().send(wire.disconnect(0x8E, []))
        client.expect(wire.DISCONNECT)
        end = gateway.wait_audit(event="session_end", client_id="c")[0]
        self.assertEqual(end["broker_reason"], {"code": 0x8E, "text": "session_taken_over"})


class Places(Case):
    def started(self, target, **options):
        gateway = self.gateway(self.fake_broker(), start=False, **options)
        text = open(gateway.path("gateway.toml")).read()
        gateway.write("gateway.toml", text.replace('"audit.jsonl"', f'"{target}"'))
        return gateway.start()

    def test_syslog(self):
        path = os.path.join(self.directory, "log")
        service = Service(path)
        gateway = self.started("syslog:" + path, observe_more='instance = "gw-7"')
        self.client(gateway.port).open_session("to-syslog")
        self.until(lambda: any("session_begin" in message for message in service.messages), "a line came")
        for message in service.messages:
            found = re.fullmatch(r"<1(3[0-5])>1 (\S+) gw-7 sallyport (\d+) (\w+) - (\{.*\})", message)
            self.assertTrue(found, message)
            line, = audit.check_text(found.group(5) + "\n")
            self.assertEqual((line["time"], line["event"]), (found.group(2), found.group(4)))
            self.assertEqual(int(found.group(3)), gateway.process.pid)

    def test_journald(self):
        path = os.path.join(self.directory, "journal")
        service = Service(path)
        gateway = self.started("journald:" + path)
        self.client(gateway.port).open_session("to-journald")
        self.until(lambda: len(service.messages) >= 2, "a line came")
        for message in service.messages:
            fields = dict(field.split("=", 1) for field in message.rstrip("\n").split("\n"))
            line, = audit.check_text(fields["MESSAGE"] + "\n")
            self.assertEqual(fields["SALLYPORT_EVENT"], line["event"])
            self.assertEqual(fields["SYSLOG_IDENTIFIER"], "sallyport")

    def test_a_disk_that_is_full_leaves_no_half_of_a_line(self):
        def small_disk():
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        gateway = self.gateway(self.fake_broker(), start=False)
        # Its log goes to a file, too.
        gateway.start(before_exec=small_disk)
        for i in range(100):
            with self.client(gateway.port) as client:
                client.open_session(f"c-{i}").ping()
        self.until(lambda: "cannot write audit log" in gateway.log(), "it says so")
        gateway.stop()  # and holds what is there against the schema
        self.assertLessEqual(os.path.getsize(gateway.audit_path), 20_000)
        self.assertGreater(os.path.getsize(gateway.audit_path), 18_000)
        self.assertEqual(gateway.log().count("cannot write audit log"), 1)

    def test_a_line_that_a_killed_process_left_is_taken_off(self):
        gateway = self.gateway(self.fake_broker(), start=False)
        with open(gateway.audit_path, "w") as file:
            file.write('{"time":"2026-01-01T00')
        gateway.start()
        gateway.wait_audit(event="start")
        gateway.stop()


class OperatorsLog(Case):
    def test_debug_says_why_a_client_is_refused_and_the_level_follows_a_reload(self):
        gateway = self.gateway(self.fake_broker(), POLICY.replace('name = "r"', 'name = "r"\nmatch = { client_id = "good" }'))
        self.client(gateway.port).connect("bad-1")
        gateway.wait_audit(event="refusal", client_id="bad-1")
        text = open(gateway.path("gateway.toml")).read()
        gateway.write("gateway.toml", text + '\n[log]\nlevel = "debug"\nformat = "json"\n')
        self.assertTrue(gateway.reload())
        self.client(gateway.port).connect("bad-2")
        self.until(lambda: "bad-2" in gateway.log(), "it says why")
        line = json.loads(next(line for line in gateway.log().splitlines() if "bad-2" in line))
        self.assertEqual(line["level"], "debug")
        self.assertIn("policy.no-role", line["text"])
        self.assertIn("phase connect", line["text"])
        gateway.write("gateway.toml", text)
        self.assertTrue(gateway.reload())
        self.client(gateway.port).connect("bad-3")
        gateway.wait_audit(event="refusal", client_id="bad-3")
        gateway.stop()
        self.assertNotIn("bad-1", gateway.log())
        self.assertNotIn("bad-3", gateway.log())

    def test_a_reload_with_many_errors_does_not_flood_the_log(self):
        gateway = self.gateway(self.fake_broker(), more="[log]\nburst = 10\nper_second = 1")
        gateway.write_policy("".join(f'[[role]]\nname = "r{i}"\nwrong = 1\n' for i in range(200)))
        self.assertFalse(gateway.reload())
        gateway.wait_metric(100, "sallyport_log_lines_left_out_total")
        self.assertLess(gateway.log().count("\n"), 40)
