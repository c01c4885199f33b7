"""What outlives sessions and reloads: neither a reconnect, nor a reload, nor a Will fills a budget
again. Rates here are by the hour, so that no count depends on how fast a test runs."""

from support import wire
from support.case import VERSIONS, Case
from support.gateway import is_sanitized


def policy(role_limits="", rule_limit="", more=""):
    return f"""{more}
[[role]]
name = "device"
{role_limits}

[[role.allow]]
id = "telemetry"
publish = ["t/#"]
{rule_limit}
"""


TEN = '{ messages = "1/h", burst = 10, on_exceed = "drop" }'
# The same limit as a role's and as a rule's, and what refusals are then called.
FORMS = ({"role_limits": f"limits = {TEN}"}, {"rule_limit": f"limit = {TEN}"})
ANOTHER = """
[[role]]
name = "another"
limits = { messages = "1/h", burst = 1000 }
"""
NAMES = ("device.limits", "telemetry")


class Ledger(Case):
    def start(self, text, **options):
        self.broker = self.fake_broker()
        self.running = self.gateway(self.broker, text, **options)

    def session(self, name="dev-1", version=5, **options):
        client = self.client(self.running.port, version=version)
        client.open_session(name, **options)
        return client

    def passes(self, client, count):
        """How many of `count` messages at once are let through."""
        client.send(b"".join(wire.publish("t/x", b"x", qos=1, packet_id=n + 1, version=5)
                             for n in range(count)))
        answers = [client.expect(wire.PUBACK).reason for _ in range(count)]
        self.assertLessEqual(set(answers), {0, 0x97})
        return answers.count(0)

    def test_reconnecting_yields_no_new_burst(self):
        for form in FORMS:
            with self.subTest(**form):
                self.start(policy(**form), workers=2)
                passed = 0
                for _ in range(20):
                    client = self.session()
                    passed += self.passes(client, 10)
                    client.close()
                self.assertEqual(passed, 10)

    def test_six_connections_of_one_client_share(self):
        self.start(policy(**FORMS[0]), workers=2)
        clients = [self.session() for _ in range(6)]
        self.assertEqual(sum(self.passes(client, 5) for client in clients), 10)
        # Another name is another client.
        self.assertEqual(self.passes(self.session("dev-2"), 15), 10)

    def test_a_reload_does_not_fill_a_budget(self):
        for form in FORMS:
            with self.subTest(**form):
                self.start(policy(**form))
                client = self.session()
                self.assertEqual(self.passes(client, 6), 6)
                self.running.reload()
                self.assertEqual(self.passes(client, 6), 4)
                # A role before this one gives its limit another index.
                self.running.write_policy(policy(**form, more=ANOTHER))
                self.running.reload()
                self.assertEqual(self.passes(client, 6), 0)
                self.assertEqual(self.passes(self.session(), 6), 0)

    def test_a_limit_that_is_raised_takes_effect(self):
        self.start(policy(**FORMS[0]))
        client = self.session()
        self.assertEqual(self.passes(client, 12), 10)
        self.running.write_policy(policy(**FORMS[0]).replace("burst = 10", "burst = 15"))
        self.running.reload()
        self.assertEqual(self.passes(client, 12), 5)
        # A debt of ten hours is worth no more than the burst of a faster limit.
        self.running.write_policy(policy(**FORMS[0]).replace("1/h", "1000/s"))
        self.running.reload()
        self.until(lambda: self.passes(client, 1) == 1, "a message passes")

    def test_a_will_is_charged_like_a_publish(self):
        for version in VERSIONS:
            for form, name in zip(FORMS, NAMES):
                with self.subTest(version=version, name=name):
                    self.start(policy(**form))
                    codes = []
                    for _ in range(15):
                        client = self.client(self.running.port, version=version)
                        codes.append(client.connect("dev-1", will=("t/will", b"gone", 0, False)).reason)
                        client.abort()
                    self.assertEqual(codes[:10], [0] * 10)
                    self.assertEqual(set(codes[10:]), {0x97 if version == 5 else 3})
                    self.running.wait_metric(5, "sallyport_refusals_total", rule=name, reason="quota_exceeded")
                    # Without a Will it may come, and has nothing left.
                    self.assertEqual(self.passes(self.session(), 5), 0)

    def test_connects_per_client_survives_a_reload(self):
        self.start(policy(), listener_more='connects_per_client = "1/h"\nconnect_burst = 6', workers=2)
        codes = []
        for n in range(12):
            client = self.client(self.running.port, version=5)
            codes.append(client.connect("dev-1").reason)
            client.close()
            if n % 3 == 2:
                self.running.reload()
        self.assertEqual(codes, [0] * 6 + [0x9F] * 6)

    def test_live_sessions_pin_no_memory_by_a_reload(self):
        """Each reload used to make a table of 516 KiB, which a session that began then kept alive."""
        if is_sanitized():
            self.skipTest("sanitizers keep what is freed")
        self.start(policy(), listener_more='connects_per_client = "1/s"')
        sessions = []

        def reload_often(times):
            for _ in range(times):
                sessions.append(self.session(f"dev-{len(sessions)}"))
                self.running.reload()
            return self.resident_kib()

        before = reload_often(10)
        after = reload_often(30)
        self.assertLess(after - before, 30 * 516 // 2)

    def resident_kib(self):
        with open(f"/proc/{self.running.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
