"""Bad input at the start: a message that names the file and what to do, an exit code that is not 0,
and nothing left half started. And the commands that only look."""

import os
import re
import shutil
import socket

from support import gateway as gateways
from support import pki, ports, wait
from support.case import Case
from support.gateway import run_command

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class BadStart(Case):
    """Each test spoils one thing and expects both `check` (where it can know) and `run` to say so."""

    def setUp(self):
        super().setUp()
        self.spoiled = self.gateway(self.fake_broker(), start=False)

    def text(self):
        with open(self.spoiled.path("gateway.toml")) as file:
            return file.read()

    def change(self, old, new):
        text = self.text()
        self.assertIn(old, text)
        self.spoiled.write("gateway.toml", text.replace(old, new, 1))

    def refused(self, *says, check=True, config=None):
        """`says`: words that must be in the message."""
        config = config or self.spoiled.path("gateway.toml")
        for command in (["check"] if check else []) + ["run"]:
            code, out, err = self.ends(command, config)
            with self.subTest(command=command, message=out + err):
                self.assertNotEqual(code, 0)
                self.assertGreater(code, 0, "ended by a signal")
                for words in says:
                    self.assertIn(words, out + err)
                self.assertNotIn("terminate called", err)

    def ends(self, command, config):
        """It must end by itself."""
        return run_command(command, "-c", config, bound=wait.BOUND)

    def test_a_configuration_file_that_is_not_there(self):
        self.refused("nowhere.toml", config=self.spoiled.path("nowhere.toml"))

    def test_a_folder_instead_of_a_file(self):
        self.refused(self.directory, config=self.directory)

    def test_bad_toml(self):
        self.change("[workers]", "[workers")
        self.refused("gateway.toml:")

    def test_an_unknown_key_with_file_line_and_column(self):
        self.change("count = 1", "count = 1\nthreads = 2")
        line = self.text().splitlines().index("threads = 2") + 1
        self.refused(f"gateway.toml:{line}:1", "threads")

    def test_all_errors_are_said_at_once(self):
        self.change("count = 1", 'count = "two"')
        self.change('client_certificate = "optional"', 'client_certificate = "perhaps"')
        self.change("[observe]", "[observe]\ncolour = 1")
        self.refused("count", "perhaps", "colour")

    def test_a_value_out_of_its_range(self):
        self.change("count = 1", "count = 0")
        self.refused("gateway.toml:", "count")

    def test_a_port_that_is_none(self):
        self.change(f":{self.spoiled.port}", ":70000")
        self.refused("gateway.toml:", "70000")

    def test_no_broker(self):
        text = self.text()
        self.spoiled.write("gateway.toml", "\n".join(text.splitlines()[2:]))
        self.refused("broker")

    def test_a_missing_certificate(self):
        self.change("server.crt", "no-such.crt")
        self.refused("no-such.crt")

    def test_a_key_that_does_not_fit_the_certificate(self):
        self.change("server.key", "server2.key")
        self.refused("server2.key", "server.crt")

    def test_a_file_that_is_no_certificate(self):
        with open(self.spoiled.path("text.crt"), "w") as file:
            file.write("hello\n")
        self.change(pki.path("server.crt"), self.spoiled.path("text.crt"))
        self.refused("text.crt")

    def test_a_policy_file_that_is_not_there(self):
        os.remove(self.spoiled.path("policy.toml"))
        self.refused("policy.toml")

    def test_a_policy_without_a_role_would_let_nobody_pass(self):
        self.spoiled.write_policy("# nothing\n")
        self.refused("gateway.toml:", "no role")

    def test_a_policy_with_errors(self):
        self.spoiled.write_policy(gateways.OPEN_POLICY + '\n[[role.deny]]\nid = "all"\npublish = ["a/#/b"]\n')
        self.refused("policy.toml:", "all", "a/#/b")

    def test_a_policy_with_an_unknown_placeholder(self):
        self.spoiled.write_policy(gateways.OPEN_POLICY.replace('"#"', '"a/${clientid}"', 1))
        self.refused("policy.toml:", "clientid")

    def test_a_port_in_use_by_another_program(self):
        for port in (self.spoiled.port, self.spoiled.metrics_port):
            with self.subTest(port=port), socket.socket() as other:
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                other.bind(("127.0.0.1", port))
                other.listen()
                self.refused("gateway.toml", str(port), check=False)

    def test_a_port_in_use_by_another_gateway(self):
        """SO_REUSEPORT would let two of the same user share a port without a word."""
        first = self.spoiled.start()
        self.refused("gateway.toml", check=False)
        self.assertFalse(first.process.poll())
        self.client(first.port).open_session("c")

    def test_an_address_that_this_machine_does_not_have(self):
        self.change(f"127.0.0.1:{self.spoiled.port}", f"192.0.2.1:{self.spoiled.port}")
        self.refused("gateway.toml", "192.0.2.1", check=False)

    def test_an_audit_path_that_cannot_be_written(self):
        self.change('"audit.jsonl"', '"no/such/folder/audit.jsonl"')
        self.refused("no/such/folder/audit.jsonl", check=False)
        self.change('"no/such/folder/audit.jsonl"', '"."')
        self.refused("gateway.toml", check=False)

    def test_nothing_is_left_half_started(self):
        """The audit log cannot be opened, and one of two ports is taken: while it ends, and after, no
        port of it answers."""
        with socket.socket() as other:
            other.bind(("127.0.0.1", self.spoiled.tls_port))
            other.listen()
            self.refused(str(self.spoiled.tls_port), check=False)
            self.assertFalse(ports.is_listening(self.spoiled.port))
            self.assertFalse(ports.is_listening(self.spoiled.metrics_port))

    def test_an_unreachable_broker_is_no_reason_not_to_start(self):
        gateway = self.gateway(f"127.0.0.1:{ports.free_port()}")
        self.assertEqual(self.client(gateway.port).connect("c").reason, 3)


class Commands(Case):
    def test_help_helps(self):
        code, out, _ = run_command("--help")
        self.assertEqual(code, 0)
        for words in ("run", "check", "--version", "gateway.toml"):
            self.assertIn(words, out)
        for command in ("run", "check"):
            code, out, _ = run_command(command, "--help")
            self.assertEqual(code, 0)
            self.assertIn("-c", out)

    def test_version_and_metric_say_what_it_is_made_of(self):
        code, out, _ = run_command("--version")
        self.assertEqual(code, 0)
        said = re.fullmatch(r"sallyport (?P<version>\d+\.\d+\.\d+)\nrevision (?P<revision>\S+)\n"
                            r"compiler (?P<compiler>\S+ \d\S+)\nTLS library (?P<tls_library>BoringSSL), "
                            r"(?P<tls_revision>.+) \(API version \d+\)\nlibuv \d\S+\n", out)
        self.assertTrue(said, out)
        gateway = self.gateway(self.fake_broker())
        self.assertEqual(gateway.metrics().series("sallyport_build_info"), [(said.groupdict(), 1.0)])

    def test_completions_are_for_shells_that_are_known(self):
        for args in (["completion"], ["completion", "fish"], ["completion", "bash", "zsh"], ["manual", "page"]):
            with self.subTest(args=args):
                code, out, err = run_command(*args)
                self.assertEqual((code, out), (2, ""))
                self.assertTrue(err)

    def test_wrong_arguments(self):
        for args in ([], ["fly"], ["run"], ["check"], ["run", "--config"], ["run", "-c", "a", "b"]):
            with self.subTest(args=args):
                code, out, err = run_command(*args, cwd=self.directory)
                self.assertGreater(code, 0)
                self.assertTrue(out + err)

    def test_check_says_that_all_is_well_and_touches_nothing(self):
        gateway = self.gateway(self.fake_broker(), start=False)
        before = sorted(os.listdir(gateway.directory))
        code, out, err = run_command("check", "-c", gateway.path("gateway.toml"))
        self.assertEqual((code, err), (0, ""))
        self.assertTrue(out)
        self.assertEqual(sorted(os.listdir(gateway.directory)), before)

    def test_check_works_beside_a_running_gateway(self):
        gateway = self.gateway(self.fake_broker())
        self.assertEqual(run_command("check", "-c", gateway.path("gateway.toml"))[0], 0)
        self.client(gateway.port).open_session("c")

    def test_paths_are_relative_to_the_file_and_not_to_the_working_folder(self):
        gateway = self.gateway(self.fake_broker(), start=False)
        self.assertEqual(run_command("check", "-c", gateway.path("gateway.toml"), cwd="/")[0], 0)

    def test_the_configuration_that_is_shipped_is_good(self):
        os.mkdir(os.path.join(self.directory, "tls"))
        for name in ("server.crt", "server.key", "ca.crt"):
            shutil.copy(pki.path(name), os.path.join(self.directory, "tls", name))
        with open(os.path.join(ROOT, "deploy", "gateway.toml")) as file:
            text = file.read()
        text = text.replace("/run/sallyport/", "").replace("/var/log/sallyport/", "")
        with open(os.path.join(self.directory, "gateway.toml"), "w") as file:
            file.write(text)
        os.mkdir(os.path.join(self.directory, "policies"))
        shutil.copy(os.path.join(ROOT, "deploy/install/policy.toml"), os.path.join(self.directory, "policies"))
        code, out, err = run_command("check", "-c", os.path.join(self.directory, "gateway.toml"))
        self.assertEqual((code, err), (0, ""), out)
