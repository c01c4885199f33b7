"""The admin socket of a running gateway, by the commands that an operator types."""

import json
import os
import socket
import shutil
import stat
import tempfile

from support import metrics, wire
from support.case import Case
from support.gateway import OPEN_POLICY, run_command

BAD_POLICY = OPEN_POLICY + "\n[[role]]\nnam = 1\n"


class Admin(Case):
    def setUp(self):
        super().setUp()
        self.broker = self.fake_broker()
        # The path of a Unix socket has at most 107 bytes: not in the test's own long folder.
        folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.socket = os.path.join(folder, "admin.sock")
        self.running = self.gateway(self.broker, more=self.section())

    def section(self):
        return f'[admin]\nsocket = "{self.socket}"'

    def ask(self, *args):
        return run_command(*args, "-c", self.running.path("gateway.toml"))

    def test_status_is_for_people_and_for_programs(self):
        code, told, errors = self.ask("status")
        self.assertEqual(code, 0, errors)
        self.assertIn("workers: 1\n", told)
        answer = json.loads(self.ask("status", "--json")[1])
        self.assertTrue(answer["ok"])
        self.assertEqual(answer["result"]["listeners"], 2)
        self.assertEqual(run_command("status", "--socket", self.socket)[0], 0)

    def test_reload_waits_and_prints_what_is_wrong(self):
        code, _, errors = self.ask("reload")
        self.assertEqual(code, 0, errors)
        self.running.wait_metric(1, "sallyport_config_reloads_total", result="ok")
        self.running.write_policy(BAD_POLICY)
        code, _, errors = self.ask("reload")
        self.assertEqual(code, 1)
        self.assertIn("policy.toml:", errors)
        self.assertIn('unknown key "nam"', errors)
        self.assertIn("stays in force", errors)
        self.running.wait_metric(1, "sallyport_config_reloads_total", result="failed")
        self.client(self.running.port).open_session("still-served")

    def test_reload_prints_what_is_wrong_with_every_file_and_where(self):
        with open(self.running.path("gateway.toml"), "a") as file:
            file.write('[turn]\npackets = 1\nread_bytes = "1 B"\n')
        self.running.write_policy(BAD_POLICY)
        code, told, errors = self.ask("reload", "--socket", self.socket)
        self.assertEqual((code, told), (1, ""))
        for pattern in (r"gateway\.toml:\d+:11: error: .*packets", r"gateway\.toml:\d+:14: error: .*read_bytes",
                        r'policy\.toml:\d+:1: error: unknown key "nam"'):
            self.assertRegex(errors, pattern)

    def test_drain_ends_the_gateway_and_takes_the_socket_away(self):
        client = self.client(self.running.port, version=5).open_session("one")
        self.assertEqual(self.ask("drain")[0], 0)
        self.assertEqual(client.expect(wire.DISCONNECT).reason, 0x8B)
        self.running.process.wait(30)
        self.running.stopped_already()
        self.assertFalse(os.path.exists(self.socket))
        code, _, errors = self.ask("status")
        self.assertEqual(code, 1)
        self.assertIn("no gateway listens", errors)

    def sessions(self, *args):
        code, told, errors = self.ask("sessions", "--json", *args)
        self.assertEqual(code, 0, errors)
        return json.loads(told)["result"]

    def test_sessions_says_who_is_there_and_what_they_did(self):
        self.assertEqual(self.sessions(), [])
        self.assertEqual(self.ask("sessions")[1], "")
        one = self.client(self.running.port, version=5).open_session("one", username="u", password=b"secret")
        self.client(self.running.tls_port, tls="sensor-1").open_session("two")
        one.send(wire.publish("t", b"x", qos=1, version=5))
        one.expect(wire.PUBACK)
        first, second = self.sessions()
        self.assertEqual((first["listener"], first["client_id"], first["username"], first["cert_cn"]),
                         ("plain", "one", "u", None))
        self.assertEqual((second["listener"], second["cert_cn"]), ("devices", "sensor-1"))
        self.assertEqual((first["packets_from_client"], first["refused"]), (2, 0))
        code, told, errors = self.ask("sessions")
        self.assertEqual(code, 0, errors)
        self.assertEqual([line.split()[0] for line in told.splitlines()], ["session", str(first["session"]),
                                                                          str(second["session"])])
        self.assertNotIn("secret", told)
        for args, expected in ((("--client_id", "two"), ["two"]), (("--listener", "plain"), ["one"]),
                               (("--cert_cn", "sensor-1"), ["two"]), (("--username", "nobody"), []),
                               (("--address", "127.0.0.0/8"), ["one", "two"]), (("--address", "10.0.0.0/8"), []),
                               (("--session", str(first["session"])), ["one"])):
            with self.subTest(args=args):
                self.assertEqual([row["client_id"] for row in self.sessions(*args)], expected)
        self.assertEqual(len(self.sessions("--most", "1")), 1)
        self.assertIn("not an IP address", self.ask("sessions", "--address", "here")[2])

    def test_kick_ends_those_it_names_and_no_other(self):
        one = self.client(self.running.port, version=5).open_session("one")
        two = self.client(self.running.port, version=5).open_session("two")
        three = self.client(self.running.port, version=4).open_session("three")
        for args in ((), ("--all", "--client_id", "one")):
            code, _, errors = self.ask("kick", *args)
            self.assertEqual(code, 1)
            self.assertIn("say which sessions", errors)
        self.assertEqual(self.ask("kick", "--client_id", "nobody")[1], "ended: 0\n")
        self.assertEqual(self.ask("kick", "--client_id", "one")[1], "ended: 1\n")
        self.assertEqual(one.expect(wire.DISCONNECT).reason, 0x98)
        one.expect_end()
        two.ping()
        self.running.wait_audit(event="session_end", client_id="one", detail="session.kicked")
        self.assertEqual(self.ask("kick", "--all")[1], "ended: 2\n")
        self.assertEqual(two.expect(wire.DISCONNECT).reason, 0x98)
        three.expect_end()
        self.client(self.running.port).open_session("one")  # it may come back

    def test_only_its_user_may_ask_and_nonsense_hurts_nobody(self):
        self.assertEqual(stat.S_IMODE(os.stat(self.socket).st_mode), 0o600)
        for line in (b"\xff\xfe\n", b"[" * 60000 + b"\n", b"x" * 70000, b'{"version":1,"command":"no"}\n'):
            with socket.socket(socket.AF_UNIX) as one:
                one.settimeout(20)
                one.connect(self.socket)
                try:
                    one.sendall(line)
                    answer = one.recv(4096)
                except ConnectionError:
                    continue  # closed in the middle of what nobody needs to read
                self.assertTrue(answer == b"" or json.loads(answer)["ok"] is False, answer)
        self.assertEqual(self.ask("status")[0], 0)
        self.assertEqual(metrics.get(self.running.url("/healthz"))[0], 200)

    def test_a_second_gateway_on_the_same_socket_does_not_start(self):
        other = self.gateway(self.broker, more=self.section(), start=False)
        code, _, errors = run_command("run", "-c", other.path("gateway.toml"))
        self.assertEqual(code, 1)
        self.assertIn("is in use", errors)
        self.assertEqual(self.ask("status")[0], 0)

    def test_the_socket_of_a_gateway_that_was_killed_is_replaced(self):
        self.running.process.kill()
        self.running.process.wait(30)
        self.running.stopped_already()
        self.assertTrue(os.path.exists(self.socket))
        again = self.gateway(self.broker, more=self.section())
        self.assertEqual(run_command("status", "--socket", self.socket)[0], 0)
        again.stop()
