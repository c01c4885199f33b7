"""Signals: at any moment from fork on, each does what it is for or nothing; none ends the process."""

import os
import resource
import signal
import socket
import threading

from support import gateway as gateways
from support import process, wait
from support.case import Case

# What nobody can hold back, faults of the process itself, and a terminal's job control.
NOT_OURS = {signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE,
            signal.SIGABRT, signal.SIGTRAP, signal.SIGSYS, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU,
            signal.SIGCONT}
ENDING = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}
# 32 and 33 are the C library's own.
HARMLESS = sorted(set(range(1, 65)) - NOT_OURS - ENDING - {32, 33})

ROLES = "".join(f'[[role]]\nname = "r{n}"\nmatch = {{ username = "u{n}-*" }}\n'
                f'[[role.allow]]\nid = "a{n}"\npublish = ["t/{n}/#", "u/{n}/+/x"]\n' for n in range(150))


def block_all():
    """For a child, before exec: a mask is inherited."""
    signal.pthread_sigmask(signal.SIG_BLOCK, set(range(1, 65)) - {32, 33} - NOT_OURS)


def blocks(pid):
    """Has main() begun? Its first line blocks signals."""
    with open(f"/proc/{pid}/status") as file:
        line = next(line for line in file if line.startswith("SigBlk:"))
    return int(line.split()[1], 16) & 1 << (signal.SIGHUP - 1) != 0


class Sender(threading.Thread):
    """Sends signals to a process, one after another, until it is told to stop."""

    def __init__(self, pid, numbers):
        super().__init__(daemon=True)
        self.pid, self.numbers, self.rounds = pid, numbers, 0
        self.enough = threading.Event()
        self.start()

    def run(self):
        while not self.enough.wait(0.002):
            for number in self.numbers:
                try:
                    os.kill(self.pid, number)
                except ProcessLookupError:
                    return  # it has ended, and been waited for
            self.rounds += 1

    def stop(self):
        self.enough.set()
        self.join()


class Signals(Case):
    def ready(self, gateway):
        wait.until(gateway._ready, gateway.log)  # pylint: disable=protected-access

    def begun(self, gateway):
        self.until(lambda: blocks(gateway.process.pid), "main() has begun", every=0.0005)

    def test_every_signal_from_fork_on_through_exec_and_start(self):
        """The parent blocks them, as a supervisor may: then there is not a moment that could be hit."""
        gateway = self.gateway(self.fake_broker(), start=False)
        gateway.begin(before_exec=block_all)
        sender = Sender(gateway.process.pid, HARMLESS)
        self.ready(gateway)
        self.client(gateway.port).open_session("c").ping()
        sender.stop()
        self.assertGreater(sender.rounds, 1)
        gateway.wait_metric(1, "sallyport_config_reloads_total", result="ok")
        self.until(lambda: "audit log opened again" in gateway.log(), "SIGUSR1 was remembered")

    def test_every_signal_from_the_first_line_of_main_on(self):
        gateway = self.gateway(self.fake_broker(), policy=ROLES + gateways.OPEN_POLICY, start=False)
        gateway.begin()
        self.begun(gateway)
        sender = Sender(gateway.process.pid, HARMLESS)
        self.ready(gateway)
        self.client(gateway.port).open_session("c").ping()
        sender.stop()

    def test_signals_during_the_start_are_answered_once_it_has_started(self):
        for number, sign in ((signal.SIGHUP, "reloaded "), (signal.SIGUSR1, "audit log opened again")):
            with self.subTest(number=number):
                gateway = self.gateway(self.fake_broker(), policy=ROLES + gateways.OPEN_POLICY, start=False)
                gateway.begin()
                self.begun(gateway)
                gateway.signal(number)
                self.ready(gateway)
                self.until(lambda: sign in gateway.log(), f"{number} was remembered")  # pylint: disable=cell-var-from-loop
                gateway.stop()

    def test_each_that_ends_it_does_so_with_exit_code_0_also_during_the_start(self):
        for number in sorted(ENDING):
            with self.subTest(number=number):
                gateway = self.gateway(self.fake_broker(), policy=ROLES + gateways.OPEN_POLICY, start=False)
                gateway.begin()
                self.begun(gateway)
                gateway.signal(number)
                self.assertEqual(gateway.process.wait(wait.BOUND), 0)
                gateway.stopped_already()
                self.assertIn(f"{signal.Signals(number).name}: draining", gateway.log())

    def test_signals_during_reloads_do_not_hold_up_the_end(self):
        gateway = self.gateway(self.fake_broker(), policy=ROLES + gateways.OPEN_POLICY)
        sender = Sender(gateway.process.pid, HARMLESS)
        gateway.wait_metric(3, "sallyport_config_reloads_total", result="ok")
        gateway.signal(signal.SIGTERM)
        self.assertEqual(gateway.process.wait(wait.BOUND), 0)
        sender.stop()
        gateway.stopped_already()

    def test_signals_during_a_drain_and_until_the_exit(self):
        """The client does not close its end, so the drain lasts its timeout."""
        gateway = self.gateway(self.fake_broker(), more='[drain]\ntimeout = "1 s"\n',
                               listener_more='linger = "1 min"\n')
        self.client(gateway.port).open_session("c")
        gateway.signal(signal.SIGTERM)
        self.until(lambda: "draining" in gateway.log(), "it drains")
        sender = Sender(gateway.process.pid, HARMLESS)
        self.assertEqual(gateway.process.wait(wait.BOUND), 0)
        sender.stop()
        gateway.stopped_already()
        self.assertIn("stopped", gateway.log().splitlines()[-1])

    def test_a_second_one_ends_at_once(self):
        """The client does not close its end, so the drain would last as long as it may."""
        gateway = self.gateway(self.fake_broker(), more='[drain]\ntimeout = "10 min"\n',
                               listener_more='linger = "1 min"\n')
        self.client(gateway.port).open_session("c")
        gateway.signal(signal.SIGTERM)
        self.until(lambda: "SIGTERM: draining for at most 600 s" in gateway.log(), "it drains")
        gateway.signal(signal.SIGINT)
        self.assertEqual(gateway.process.wait(wait.BOUND), 0)
        gateway.stopped_already()
        self.assertIn("SIGINT again: ending at once", gateway.log())

    def test_an_audit_log_over_the_limit_on_file_sizes_waits_and_ends_nothing(self):
        """SIGXFSZ would be sent to whoever writes beyond RLIMIT_FSIZE."""
        gateway = self.gateway(self.fake_broker())
        self.client(gateway.port).open_session("c1").close()
        gateway.wait_audit(event="session_end")
        before = os.path.getsize(gateway.audit_path)
        most = before + 1
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
        self.client(gateway.port).open_session("c2").close()
        # The log has that limit, too; what it cannot say is lost.
        self.until(lambda: gateway.metrics().value("sallyport_audit_lines_waiting") == 0, "it was tried")
        self.until(lambda: os.path.getsize(gateway.audit_path) == before, "no half of a line stays")
        self.client(gateway.port).open_session("c3").ping()
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        gateway.wait_audit(event="session_end", client_id="c2")

    def test_a_command_that_ends_by_itself_ends_by_a_signal(self):
        """An operator's Ctrl-C, while the gateway that was asked does not answer."""
        path = os.path.join(self.directory, "socket")
        with socket.socket(socket.AF_UNIX) as silent:
            silent.bind(path)
            silent.listen()
            asking = process.start([gateways.binary(), "status", "--socket", path])
            self.addCleanup(process.end, asking)
            silent.settimeout(wait.BOUND)
            held, _ = silent.accept()  # as long as it is open the command waits
            self.addCleanup(held.close)
            asking.send_signal(signal.SIGINT)
            self.assertEqual(asking.wait(wait.BOUND), -signal.SIGINT)
