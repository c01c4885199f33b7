"""The process itself: workers, libraries, descriptors."""

import os
import resource
import signal

from support import gateway as gateways
from support import pki, process, wait, wire
from support.case import Case
from support.gateway import Listener


class Process(Case):
    def test_two_workers_share_the_connections(self):
        broker = self.fake_broker()
        gateway = self.gateway(broker, workers=2)
        clients = [self.client(gateway.port, version=5).open_session(f"c{n}") for n in range(60)]
        for client in clients:
            client.ping()
        self.assertEqual(gateway.metrics().value("sallyport_workers"), 2)
        self.assertEqual(gateway.metrics().value("sallyport_sessions_open"), 60)
        gateway.write_policy(gateways.OPEN_POLICY + '[[role.deny]]\nid = "no"\npublish = ["no"]\n')
        self.assertTrue(gateway.reload())
        for client in clients:  # the sessions of both workers have the new policy
            def refused(client=client):
                client.send(wire.publish("no", b"", qos=1, version=5))
                return client.expect(wire.PUBACK).reason == 0x87
            self.until(refused, "the new policy is in force")
        gateway.signal(signal.SIGTERM)
        for client in clients:
            self.assertEqual(client.expect(wire.DISCONNECT).reason, 0x8B)

    def test_no_other_tls_library_is_in_the_process(self):
        gateway = self.gateway(self.mosquitto(tls="broker"), broker_more="tls = { ca = \"" +
                               pki.path("ca.crt") + '", server_name = "localhost" }')
        self.client(gateway.tls_port, tls="sensor-1").open_session("c")
        gateway.metrics()
        with open(f"/proc/{gateway.process.pid}/maps") as file:
            libraries = {line.split()[-1] for line in file if ".so" in line}
        wrong = [path for path in libraries
                 if any(word in os.path.basename(path) for word in
                        ("libssl", "libcrypto", "libgnutls", "libmbedtls", "libnss3", "libwolfssl"))
                 and "/android/" not in path]
        self.assertEqual(wrong, [])

    def test_it_runs_without_rights_to_anything_but_its_files(self):
        """Standard input closed, an empty environment, another working folder."""
        gateway = self.gateway(self.fake_broker(), start=False)
        with open(gateway.log_path, "wb") as log:
            gateway.process = process.start(gateway.command("run", "-c", gateway.path("gateway.toml")),
                                            stdin=None, stdout=log, stderr=log, cwd="/", env={},
                                            close_fds=True)
        wait.until(gateway._ready, lambda: gateway.log())  # pylint: disable=protected-access
        self.client(gateway.port).open_session("c")

    def test_more_connections_than_files_are_allowed(self):
        """Out of file descriptors: it stops accepting, tells, and recovers."""
        if gateways.is_sanitized():
            # UBSan's check of vtables opens a pipe to see whether memory can be read, so without
            # descriptors it finds fault with every object. The release build has this test, too.
            self.skipTest("UBSan needs descriptors")
        gateway = self.gateway(self.fake_broker())
        resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE, (64, 64))
        held = [self.client(gateway.port) for _ in range(100)]
        for client in held:
            client.close()
        self.until(lambda: self.lets_in(gateway.port), "it accepts again")

    def test_max_connections(self):
        gateway = self.gateway(self.fake_broker(), listeners=[Listener("plain", more="max_connections = 3")])
        held = [self.client(gateway.port).open_session(f"c{n}") for n in range(3)]
        self.client(gateway.port).expect_end()
        gateway.wait_metric(1, "sallyport_refusals_total", rule="connection.max")
        held[0].close()
        self.until(lambda: self.lets_in(gateway.port), "there is room again")
