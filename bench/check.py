#!/usr/bin/python3
"""Checks the measuring programs themselves: what they count is what was sent, whatever they are asked
to send, and what cannot work is said in words. Takes seconds; measures nothing.

    bench/check.py BUILD         BUILD: a build directory in which `ninja bench` was run; a sanitizer
                                 build will do. The last line says "N passed, N failed"
"""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from measure import instruments, picture, pki, report, targets  # noqa: E402
from measure.gateway import Gateway  # noqa: E402
from measure.load import Sink  # noqa: E402
from measure.peers import PEERS, HaProxy, Nginx, Stunnel  # noqa: E402
from measure.process import ROOT, Background, Failure, free_port, need, run, wait_for_port  # noqa: E402

from measure.stage import Setup, Stage  # noqa: E402
from measure.work import BY_NAME  # noqa: E402

CONTENDERS = (Gateway, *PEERS)


def load(build, *arguments, code=0):
    """What a run of clients says: (its last line as JSON, or None; its standard error)."""
    done = subprocess.run([os.path.join(build, "bench", "sallyport_load"), "--json", *arguments],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
                          check=False)
    if done.returncode != code:
        raise Failure(f"exit code {done.returncode} instead of {code}:\n{done.stderr[-2000:]}")
    lines = done.stdout.splitlines()
    return (json.loads(lines[-1]) if lines else None), done.stderr


def expect(got, **wanted):
    for name, value in wanted.items():
        if got[name] != value:
            raise Failure(f"{name} is {got[name]} instead of {value}: {got}")


def against_sink(build, folder, clients, sink=(), **wanted):
    """Runs clients against a sink; `sink_...` are counts of the sink's."""
    with Sink(build, folder, sink) as other:
        got, _ = load(build, "--port", str(other.port), *clients)
        counts = other.finish()
    expect(got, ok=True, **{k: v for k, v in wanted.items() if not k.startswith("sink_")})
    expect(counts, malformed=0,
           **{k[5:]: v for k, v in wanted.items() if k.startswith("sink_")})


def publishes(build, folder):
    for version in ("3.1", "3.1.1", "5"):
        for qos in (0, 1, 2):
            for size in (0, 64, 20000):
                against_sink(build, folder,
                             ("--mqtt", version, "--qos", str(qos), "--size", str(size),
                              "--clients", "3", "--messages", "50"),
                             published=150, acknowledged=150 if qos else 0, refused=0,
                             sink_received=150, sink_connects=3)


def keeps_its_pace(build, folder):
    against_sink(build, folder, ("--clients", "4", "--rate", "50", "--messages", "25", "--qos", "1"),
                 published=100, acknowledged=100, sink_received=100)
    with Sink(build, folder) as sink:
        got, _ = load(build, "--port", str(sink.port), "--clients", "2", "--rate", "20",
                      "--messages", "20")
        sink.finish()
    # Twenty at 20/s are 19 intervals; a slow machine may take longer, none takes less.
    if got["seconds"] < 0.94:
        raise Failure(f"faster than it was asked: {got}")


def fills_records(build, folder):
    against_sink(build, folder, ("--clients", "2", "--messages", "1000", "--messages-per-record", "64"),
                 published=2000, sink_received=2000)
    against_sink(build, folder, ("--clients", "1", "--messages", "70", "--messages-per-record", "16",
                                 "--qos", "1"), acknowledged=70, sink_received=70)


def waits_behind_a_window_of_one(build, folder):
    against_sink(build, folder, ("--clients", "2", "--messages", "100", "--qos", "2", "--window", "1"),
                 acknowledged=200, sink_received=200)


def delivers(build, folder):
    for qos in ("0", "1", "2"):
        for version in ("3.1.1", "5"):
            against_sink(build, folder, ("--subscribers", "3", "--expect", "200", "--qos", qos,
                                         "--mqtt", version),
                         sink=("--sink-deliver", "--messages", "200", "--qos", qos, "--size", "4096"),
                         received=600, sink_delivered=600, sink_subscribes=3,
                         sink_acknowledged=600 if qos != "0" else 0)


def comes_and_goes(build, folder):
    against_sink(build, folder, ("--clients", "4", "--visits", "50"), visits=50, sink_connects=50,
                 sink_connections=50)
    against_sink(build, folder, ("--idle", "100", "--seconds", "0.2"), idle=100, sink_connects=100)


def speaks_tls(build, folder):
    pki = os.path.join(folder, "pki")
    run([os.path.join(ROOT, "deploy", "dev-pki.sh"), pki, "bench-1"])
    tls = ("--tls", "--ca", f"{pki}/ca.crt")
    server = ("--tls", "--cert", f"{pki}/server.crt", "--key", f"{pki}/server.key")
    for record in ("1", "64"):
        against_sink(build, folder, (*tls, "--clients", "3", "--messages", "500",
                                     "--messages-per-record", record), sink=server,
                     tls="TLSv1.3", published=1500, sink_received=1500)
    against_sink(build, folder, (*tls, "--clients", "2", "--visits", "20"), sink=server, visits=20)
    with Sink(build, folder, server) as sink:
        got, error = load(build, "--port", str(sink.port), "--tls", "--ca", f"{pki}/bench-1.crt",
                          "--clients", "1", "--messages", "1", code=1)
        sink.finish()
    if got["ok"] or "certificate" not in error:
        raise Failure(f"a certificate that is not trusted: {error}")


def holds_until_it_is_told(build, folder):
    log = os.path.join(folder, "load.log")
    with Sink(build, folder) as sink:
        arguments = [os.path.join(build, "bench", "sallyport_load"), "--json", "--port",
                     str(sink.port), "--clients", "5", "--messages", "3", "--qos", "1", "--hold"]
        with Background(arguments, log, stdout=subprocess.PIPE) as clients:
            expect(json.loads(clients.process.stdout.readline()), event="ready", clients=5)
            with Background([*arguments, "--seconds", "0.3"], log, stdout=subprocess.PIPE) as others:
                others.process.stdout.readline()
                expect(json.loads(others.process.stdout.readline()), ok=False, published=0,
                       problem="no SIGUSR1 came in time")
            clients.process.send_signal(signal.SIGUSR1)
            expect(json.loads(clients.process.stdout.readline()), ok=True, acknowledged=15)
            clients.wait(30)
        expect(sink.finish(), received=15)


def contenders_do_the_work(build, folder):
    """All of it, a little of each; checked by those who count at both ends."""
    setup = Setup(build, pki.make(os.path.join(folder, "pki")))
    for kind in CONTENDERS:
        for work in BY_NAME.values():
            if work.is_delivery and kind.is_broker or work.client_certificates and kind != Gateway:
                continue
            with Stage(setup, kind, instruments.CpuTime, work.client_certificates) as stage:
                if stage.perform(work, 7, full_speed=True)[""] <= 0:
                    raise Failure(f"{kind.name}, {work.name}: no CPU time")
                stage.contender.end()


def contenders_are_what_is_said(build, folder):
    """One worker, TLS 1.3 only; the rest of what distinguishes them does what it is there for."""
    setup = Setup(build, pki.make(os.path.join(folder, "pki")))
    trust = ssl.create_default_context(cafile=os.path.join(setup.pki, "ca.crt"))
    for kind in CONTENDERS:
        if kind.version(build) == "unknown":
            raise Failure(f"{kind.name} does not say its version")
        with Stage(setup, kind, instruments.CpuTime) as stage, stage.sink() as sink:
            port = stage.contender.port
            if kind in (HaProxy, Nginx) and len(os.listdir(f"/proc/{stage.contender.pid}/task")) != 1:
                raise Failure(f"{kind.name} has more than one thread")
            if kind in (HaProxy, Gateway):      # no MQTT, no connection to the broker
                with socket.create_connection(("127.0.0.1", port), timeout=30) as plain, \
                        trust.wrap_socket(plain, server_hostname="localhost") as client:
                    client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    try:
                        answer = client.recv(100)
                    except (ConnectionResetError, ssl.SSLError):
                        answer = b""
                if answer:
                    raise Failure(f"{kind.name} takes HTTP for MQTT: {answer}")
            if not kind.is_broker:
                load(build, "--port", str(port), "--tls", "--ca", f"{setup.pki}/ca.crt", "--clients",
                     "2", "--messages", "3", "--qos", "1", "--topic", "plant/x/secret/y",
                     "--client-id", "bench-%i")
                expect(sink.finish(), received=0 if kind is Gateway else 6, connects=2)
            if kind is not Gateway:             # which has TLS 1.2 for old devices
                old = ssl.create_default_context(cafile=os.path.join(setup.pki, "ca.crt"))
                old.maximum_version = ssl.TLSVersion.TLSv1_2
                try:
                    with socket.create_connection(("127.0.0.1", port), timeout=30) as plain, \
                            old.wrap_socket(plain, server_hostname="localhost"):
                        raise Failure(f"{kind.name} speaks TLS 1.2")
                except (ConnectionResetError, ssl.SSLError):
                    pass


def mosquitto_minds_its_acl(build, folder):
    setup = Setup(build, pki.make(os.path.join(folder, "pki")))
    with Stage(setup, PEERS[3], instruments.CpuTime) as stage:
        for topic, to, arrive in (("plant/shared/x", "plant/shared/#", 12),
                                  ("plant/x/secret/y", "#", 0)):
            got, _ = load(build, "--port", str(stage.contender.port), "--tls", "--ca",
                          f"{setup.pki}/ca.crt", "--clients", "2", "--messages", "3",
                          "--subscribers", "2", "--topic", topic, "--filter", to)
            expect(got, published=6, received=arrive)


def instruments_count(build, folder):
    """On a peer, for neither strace nor valgrind gets on with a sanitizer."""
    setup = Setup(build, pki.make(os.path.join(folder, "pki")))
    work = BY_NAME["exchange"]
    with Stage(setup, Nginx, instruments.SystemCalls) as stage:
        calls = stage.difference(work)
        # To the sink and back, each by a call of its own, and nothing else is written.
        if abs(calls["writev"] + calls["write"] - 2) > 0.02:
            raise Failure(f"an exchange takes other than two writes: {calls}")
    for with_functions in (False, True):
        with Stage(setup, Nginx, lambda out: instruments.Instructions(
                out, with_functions)) as stage:
            once, twice = (sum(stage.perform(work, count).values()) for count in (20, 40))
            idle = sum(stage.perform(work, 20).values())
        # As much again for as many again; connecting is in both.
        each = (twice - once) / work.units(20)
        if not 10e3 < each < 40e3 or abs(idle - once) > 0.2 * once:
            raise Failure(f"{once} and {twice} instructions, and {idle}: {each} for an exchange")


def says_what_is_reached(_, folder):
    contenders = {kind.name: {"title": kind.title, "version": "1"} for kind in CONTENDERS}
    rounds = {"gateway": [1.0, 5.0, 1.1], "nginx": [1.0, 1.0, 1.0], "stunnel": [2.0, 9.0, 2.0]}
    works = {"exchange": {"instructions": {"gateway": 10500, "nginx": 9000},
                          "calls": {"gateway": 6.01, "nginx": 5}},
             "publish-x64": {"cpu_us": {name: times[0] for name, times in rounds.items()},
                             "cpu_us_rounds": rounds},
             "crowd": {"calls": {"beside the idle": 6.0, "without them": 5.0}},
             "memory": {"bytes": {"gateway": 1024, "stunnel": 80 * 1024}},
             "core": {"gb_per_s": {"frame/publish-1k-read-64k": 1.9}}}
    result = {"date": "today", "machine": {"cpu": "one", "cores": 1, "system": "Debian"},
              "compiler": "c++", "tools": "none", "contenders": contenders, "works": works,
              "warnings": ["too hot"]}
    wanted = {("exchange", "instructions"): True, ("exchange", "calls"): False,
              ("publish-x64", "cpu_us"): True, ("crowd", "calls"): False,
              ("memory", "bytes"): True, ("core", "gb_per_s"): False}
    for row in targets.results(works):
        key = (row["work"], row["figure"])
        if row["reached"] is not wanted.get(key):
            raise Failure(f"{row} should say {wanted.get(key)}")
        if key == ("publish-x64", "cpu_us") and (row["value"], row["to"]) != (1.1, "nginx"):
            raise Failure(f"the best peer: {row}")
    path = os.path.join(folder, "page.md")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.put_between_marks(path, report.page(result))
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for words in ("before\n<!--", "-->\nafter", "too hot", "| 6.01 |", "yes: 1.10 × nginx stream's"):
        if words not in text:
            raise Failure(f"{words!r} is not in {text}")
    if "old" in text:
        raise Failure(f"the old table is still there: {text}")
    picture.draw(result, os.path.join(folder, "picture.svg"))
    drawn = xml.etree.ElementTree.parse(os.path.join(folder, "picture.svg")).getroot()
    texts = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    if not any("80" in "".join(element.itertext()) for element in
               drawn.iter("{http://www.w3.org/2000/svg}text")):
        raise Failure(f"the bar that is cut does not say how long it is: {texts}")


def refuses_what_it_does_not_know(build, _):
    for words, arguments in (("no such contender", ["--only", "apache"]),
                             ("no such work", ["--work", "exchange,nonsense"]),
                             ("no such figure", ["--figures", "seconds"]),
                             ("--write", ["--write", "--only", "gateway"])):
        done = subprocess.run([os.path.join(ROOT, "bench", "compare"), build, *arguments],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                              check=False)
        if done.returncode != 2 or words not in done.stderr:
            raise Failure(f"{arguments}: {done.returncode}, {done.stderr}")


def serves_a_real_broker(build, folder):
    port = free_port()
    config = os.path.join(folder, "mosquitto.conf")
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
                   "max_queued_messages 0\nmax_inflight_messages 100\n")
    with Background([need("mosquitto", "mosquitto"), "-c", config],
                    os.path.join(folder, "mosquitto.log")) as broker:
        wait_for_port(port, broker.process, 30)
        for version in ("3.1.1", "5"):
            for qos in ("0", "1", "2"):
                got, _ = load(build, "--port", str(port), "--mqtt", version, "--qos", qos,
                              "--clients", "2", "--messages", "200", "--rate", "1000",
                              "--subscribers", "2", "--expect", "400")
                expect(got, ok=True, published=400, received=800)


def explains_what_is_wrong(build, folder):
    nobody = str(free_port())
    with Sink(build, folder) as sink:
        port = str(sink.port)
        for words, code, arguments in (
                ("connection refused", 1, ("--port", nobody, "--clients", "1")),
                ("address already in use", 1, ("--sink", port)),
                ("without --tls", 1, ("--port", port, "--ca", "ca.crt")),
                ("missing.crt", 1, ("--port", port, "--tls", "--ca", "missing.crt")),
                ("--window", 1, ("--port", port, "--qos", "1", "--messages-per-record", "21")),
                ("--visits", 1, ("--port", port, "--visits", "3")),
                ("--hold", 1, ("--port", port, "--hold", "--idle", "3")),
                ("--expect", 1, ("--port", port, "--clients", "1", "--expect", "3")),
                ("--qos", 2, ("--port", port, "--qos", "3")),
                ("--nonsense", 2, ("--nonsense",))):
            _, error = load(build, *arguments, code=code)
            if words not in error:
                raise Failure(f"{arguments}: {words!r} is not in {error!r}")
        sink.finish()


def counts_cases(build, _):
    program = os.path.join(build, "bench", "sallyport_micro")
    for line in run([program, "--list", "--json"]).splitlines():
        case = json.loads(line)["case"]
        if not case.endswith("-100000"):  # slow to compile with a sanitizer
            run([program, "--count", case, "3"])
    for wrong in (["--count", "no/such-case", "1"], ["--count", "frame/puback", "x"], ["no-such"]):
        if subprocess.run([program, *wrong], stdin=subprocess.DEVNULL, capture_output=True,
                          check=False).returncode == 0:
            raise Failure(f"{wrong} is taken for good")


CHECKS = (publishes, keeps_its_pace, fills_records, waits_behind_a_window_of_one, delivers,
          comes_and_goes, speaks_tls, holds_until_it_is_told, serves_a_real_broker,
          explains_what_is_wrong, counts_cases, contenders_do_the_work,
          contenders_are_what_is_said, mosquitto_minds_its_acl, instruments_count,
          says_what_is_reached, refuses_what_it_does_not_know)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    os.environ["PATH"] = os.environ.get("PATH", "") + ":/usr/sbin"
    failed = 0
    for check in CHECKS:
        name = check.__name__.replace("_", " ")
        with tempfile.TemporaryDirectory(prefix="sallyport-bench-") as folder:
            try:
                check(sys.argv[1], folder)
                print(f"ok: {name}", flush=True)
            except (Failure, KeyError, ValueError, subprocess.TimeoutExpired) as error:
                failed += 1
                print(f"FAILED: {name}: {error}", flush=True)
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
