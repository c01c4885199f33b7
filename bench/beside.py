#!/usr/bin/python3
"""What clients feel beside one that floods: their round trip (PINGREQ to PINGRESP), alone and beside
each flood, on one worker. A measurement, not a test: it judges nothing.

    bench/beside.py BUILD      BUILD: a build directory with src/cli/sallyport
        --seconds S            of each measurement (2)
        --only NAME            quiet, pingreq, publish, subscribe, handshake; may be given again
"""

import argparse
import multiprocessing
import os
import socket
import ssl
import statistics
import struct
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from measure import pki  # noqa: E402
from measure.process import Background, Failure, free_port, wait_for_port  # noqa: E402

GATEWAY = """\
[broker]
address = "127.0.0.1:{broker}"
[[listener]]
name = "plain"
address = "127.0.0.1:{plain}"
[[listener]]
name = "devices"
address = "127.0.0.1:{tls}"
tls = {{ certificate = "{pki}/server.crt", key = "{pki}/server.key" }}
[workers]
count = 1
[policy]
files = ["policy.toml"]
[observe]
audit_log = "audit.jsonl"
"""
POLICY = """\
[[role]]
name = "everybody"
[[role.allow]]
id = "own"
publish = ["t/#"]
subscribe = ["t/#"]
"""
PINGREQ, PINGRESP = b"\xc0\x00", b"\xd0\x00"


def packet(kind, body):
    """With a Remaining Length of two bytes at most."""
    size = len(body)
    length = bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])
    return bytes([kind]) + length + body


def text(value):
    return struct.pack(">H", len(value)) + value


FLOODS = {
    "pingreq": PINGREQ,
    "publish": packet(0x30, text(b"no") + b"x"),
    "subscribe": packet(0x82, b"\0\1" + b"".join(text(b"no/%d" % i) + b"\0" for i in range(30))),
}
BLOCK = 64 * 1024


def broker(listener):
    """Says yes to CONNECT, answers PINGREQ, and throws all else away."""
    def serve(peer):
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.recv(4096)
        peer.sendall(b"\x20\x02\x00\x00")
        while data := peer.recv(BLOCK):
            # Only whole PINGREQs come here: whatever else is sent is refused by the gateway.
            peer.sendall(PINGRESP * data.count(PINGREQ))
    while True:
        peer, _ = listener.accept()
        threading.Thread(target=serve, args=(peer,), daemon=True).start()


def join(port, name):
    """A client behind CONNACK."""
    peer = socket.create_connection(("127.0.0.1", port))
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer.sendall(packet(0x10, text(b"MQTT") + b"\4\2\0\0" + text(name)))
    if peer.recv(4) != b"\x20\x02\x00\x00":
        raise Failure("no CONNACK")
    return peer


def flood(port, block):
    peer = join(port, b"flood")

    def drain():
        while peer.recv(BLOCK):
            pass
    threading.Thread(target=drain, daemon=True).start()
    whole = block * (BLOCK // len(block))
    while True:
        peer.sendall(whole)


def handshakes(port):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE

    def shake():
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port)) as plain:
                    context.wrap_socket(plain).close()
            except OSError:
                pass
    for _ in range(50):
        threading.Thread(target=shake, daemon=True).start()
    threading.Event().wait()


def round_trips(port, seconds):
    """Milliseconds, sorted, of one client that asks again as soon as it is answered and has rested."""
    peer = join(port, b"ping")
    taken = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begin = time.perf_counter()
        peer.sendall(PINGREQ)
        if peer.recv(2) != PINGRESP:
            raise Failure("no PINGRESP")
        taken.append((time.perf_counter() - begin) * 1e3)
        time.sleep(0.001)
    return sorted(taken)


def measure(name, work, plain, seconds):
    other = multiprocessing.Process(target=work[0], args=work[1:], daemon=True) if work else None
    if other:
        other.start()
        time.sleep(0.5)
    taken = round_trips(plain, seconds)
    if other:
        other.kill()
        other.join()
    median = statistics.median(taken)
    print(f"{name:10} median {median:8.3f} ms   p99 {taken[len(taken) * 99 // 100]:8.3f} ms   "
          f"max {taken[-1]:8.3f} ms   {len(taken)} round trips", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--only", action="append")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sallyport-bench-") as folder:
        pki.make(folder)
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        multiprocessing.Process(target=broker, args=(listener,), daemon=True).start()
        plain, tls = free_port(), free_port()
        for file, content in (("gateway.toml", GATEWAY.format(
                broker=listener.getsockname()[1], plain=plain, tls=tls, pki=folder)),
                              ("policy.toml", POLICY)):
            with open(os.path.join(folder, file), "w", encoding="ascii") as out:
                out.write(content)
        command = [os.path.join(options.build, "src", "cli", "sallyport"), "run", "-c",
                   os.path.join(folder, "gateway.toml")]
        with Background(command, os.path.join(folder, "gateway.log")) as gateway:
            wait_for_port(plain, gateway.process, 10)
            work = {"quiet": None}
            work |= {name: (flood, plain, block) for name, block in FLOODS.items()}
            work["handshake"] = (handshakes, tls)
            for name in options.only or work:
                measure(name, work[name], plain, options.seconds)


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"beside: {failure}")
