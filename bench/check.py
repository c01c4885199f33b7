#!/usr/bin/python3
"""Checks the measuring programs themselves: what they count is what was sent, whatever they are asked
to send, and what cannot work is said in words. Takes seconds; measures nothing.

    bench/check.py BUILD         BUILD: a build directory in which `ninja bench` was run; a sanitizer
                                 build will do. The last line says "N passed, N failed"
"""

import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from measure.load import Sink  # noqa: E402
from measure.process import ROOT, Background, Failure, free_port, need, run, wait_for_port  # noqa: E402


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


def serves_a_real_broker(build, folder):
    port = free_port()
    config = os.path.join(folder, "mosquitto.conf")
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
                   "max_queued_messages 0\nmax_inflight_messages 100\n")
    path = os.environ.get("PATH", "") + ":/usr/sbin"
    os.environ["PATH"] = path
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
          comes_and_goes, speaks_tls, serves_a_real_broker, explains_what_is_wrong, counts_cases)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
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
