"""What README.md and policies/README.md promise and no other file tests as a whole."""

from support import wire
from support.case import Case
from support.gateway import run_command

ROLE = '[[role]]\nname = "all"\n[[role.allow]]\nid = "all"\npublish = "#"\nsubscribe = "#"\n'

# What is wrong in gateway.toml, as something behind its text; and policies that are wrong.
BAD_GATEWAYS = (
    "[nonsense]\n", "[limits]\nmax_packet = 5\n", '[limits]\nmin_keep_alive = "20 s"\nmax_keep_alive = "10 s"\n',
    "a = yes\n", '[turn]\npackets = 1\n', '[[listener]]\nname = "plain"\naddress = "127.0.0.1:1"\n',
    '[[listener]]\nname = "x"\naddress = "127.0.0.1:1"\ntls = { certificate = "none.crt", key = "none.key" }\n',
    '[drain]\ntimeout = "1 year"\n')
BAD_POLICIES = (
    "", "[[role]]\n", ROLE + ROLE, ROLE + "x = 1\n", ROLE.replace('"#"', '"a/#/b"'), ROLE + "[[role.deny]]\n",
    ROLE.replace('name = "all"', 'name = "all"\nmatch = { listener = "nowhere" }'), "\x00", "role = 1\n",
    ROLE.replace('"all"\npublish', '"mqtt.utf8"\npublish'), ROLE + 'limit = { messages = "0/s" }\n')
GOOD_POLICIES = (
    ROLE, ROLE + "max_qos = 1\n", ROLE + '[[role.deny]]\nid = "no"\npublish = "$SYS/#"\n', "\ufeff" + ROLE,
    ROLE.replace("\n", "\r\n"))


class Promises(Case):
    def complaints(self, gateway, command):
        code, _, err = run_command(command, "-c", gateway.path("gateway.toml"))
        self.assertEqual(code, 1, err)
        return [line for line in err.splitlines() if ": error: " in line]

    def test_check_run_and_a_reload_refuse_the_same_in_the_same_words(self):
        gateway = self.gateway(self.fake_broker(), policy=ROLE)
        with open(gateway.path("gateway.toml")) as file:
            good = file.read()
        bad = [(good + "\n" + more, ROLE) for more in BAD_GATEWAYS] + [(good, policy) for policy in BAD_POLICIES]
        for text, policy in bad:
            with self.subTest(gateway=text[len(good):], policy=policy):
                gateway.write("gateway.toml", text)
                gateway.write_policy(policy)
                before = len(gateway.log())
                self.assertFalse(gateway.reload())
                said = self.complaints(gateway, "check")
                self.assertNotEqual(said, [])
                self.assertEqual(self.complaints(gateway, "run"), said)
                logged = [line.split(" ", 2)[2] for line in gateway.log()[before:].splitlines() if ": error: " in line]
                self.assertEqual(logged, said)
        gateway.write("gateway.toml", good)
        for policy in GOOD_POLICIES:
            with self.subTest(policy=policy):
                gateway.write_policy(policy)
                self.assertEqual(run_command("check", "-c", gateway.path("gateway.toml"))[0], 0)
                self.assertTrue(gateway.reload())

    def test_report_enforces_no_rule_and_everything_else(self):
        broker = self.fake_broker()
        gateway = self.gateway(broker, policy="""
            [[role]]
            name = "tried-out"
            client_id = "dev-${username}"
            on_deny = "report"
            limits = { max_packet = "1 KiB" }
            [[role.deny]]
            id = "nothing"
            publish = "#"
            subscribe = "#"
            """)

        def session(**more):
            return self.client(gateway.port, version=5).open_session("dev-u", username="u", password=b"p", **more)
        client = session()
        client.send(wire.publish("t", b"x", qos=1, version=5))
        self.assertEqual(client.expect(wire.PUBACK).reason, 0)
        client.subscribe("t")
        gateway.wait_audit(2, event="refusal", rule="nothing", action="report")
        gateway.wait_metric(2, "sallyport_refusals_total", rule="nothing", action="report")

        client.send(wire.publish("t", b"x" * 2000, version=5))  # a bound
        self.assertEqual(client.expect(wire.DISCONNECT).reason, 0x95)
        client = session()
        client.send(wire.publish("a/#", b"x", version=5))  # grammar
        self.assertIn(client.expect(wire.DISCONNECT).reason, (0x81, 0x82, 0x90))
        other = self.client(gateway.port, version=5).connect("another", username="u", password=b"p")  # a binding
        self.assertEqual(other.reason, 0x85)
