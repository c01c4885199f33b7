"""A client that sends exactly the bytes it is told to, and reads packets."""

import socket
import ssl
import time

from . import kernel, pki, wait, wire


class Client:
    """A TCP or TLS connection. `tls`: None for plain, or the name of a client certificate, or "" for
    TLS without one. Used as a context manager or closed by the test case."""

    def __init__(self, port, tls=None, host="127.0.0.1", version=4, ca="ca.crt", tls_version=None,
                 receive_buffer=None, before=b""):
        """`before`: bytes that stand before TLS, such as a PROXY header."""
        self.version = version
        self.buffer = bytearray()
        self.packets = []   # read, not yet asked for
        self.ended = False
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(wait.BOUND)
        try:
            self.socket.connect((host, port))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket.sendall(before)
            if tls is not None:
                self.socket = context(tls, ca, tls_version).wrap_socket(
                    self.socket, server_hostname="localhost")
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, *parts):
        self.socket.settimeout(wait.BOUND)
        self.socket.sendall(b"".join(parts))

    def send_some(self, data, bound):
        """Sends what the other side takes within `bound` seconds without progress; how much."""
        self.socket.settimeout(bound)
        sent, view = 0, memoryview(data)
        while sent < len(data):
            try:
                sent += self.socket.send(view[sent:sent + 65536])
            except (TimeoutError, ssl.SSLWantWriteError):
                break
        return sent

    def send_in_parts(self, parts):
        """Sends each part only once the gateway has read the one before it, so that it sees exactly
        these pieces. Plain IPv4 connections only."""
        here, there = self.socket.getsockname()[1], self.socket.getpeername()[1]
        for part in parts:
            self.send(part)
            wait.until(lambda: kernel.has_read_all(there, here), "the gateway reads what was sent",
                       every=0.0005)

    def _fill(self, end):
        """Reads once; False at the end of the connection."""
        if self.ended:
            return False
        self.socket.settimeout(max(0.001, end - time.monotonic()))
        try:
            data = self.socket.recv(262144)
        except (ConnectionResetError, ssl.SSLEOFError, BrokenPipeError):
            data = b""
        if not data:
            self.ended = True
            return False
        self.buffer += data
        self.packets += wire.split(self.buffer, self.version)
        return True

    def receive(self, bound=wait.BOUND):
        """The next packet; None: the connection ended without one."""
        end = time.monotonic() + bound
        while not self.packets:
            try:
                if not self._fill(end):
                    return None
            except TimeoutError:
                raise wait.TimedOut(f"no packet within {bound:g} s") from None
        return self.packets.pop(0)

    def expect(self, kind, bound=wait.BOUND):
        """The next packet, which must be of this kind."""
        packet = self.receive(bound)
        assert packet is not None, f"the connection ended instead of {wire.NAMES[kind]}"
        assert packet.kind == kind, f"{packet} instead of {wire.NAMES[kind]}"
        return packet

    def expect_raw(self, data):
        packet = self.receive()
        assert packet is not None, f"the connection ended instead of {data.hex()}"
        assert packet.raw == data, f"{packet.raw.hex()} ({packet}) instead of {data.hex()}"

    def expect_end(self, bound=wait.BOUND):
        """The other side closes, and says nothing more before."""
        packet = self.receive(bound)
        assert packet is None, f"{packet} instead of the end of the connection"
        assert not self.buffer, f"half a packet before the end: {self.buffer[:40].hex()}"

    def ping(self):
        """A PINGREQ goes to the broker and back, so all that was sent before has been decided, and
        nothing else came back."""
        self.send(wire.pingreq())
        self.expect(wire.PINGRESP)

    def connect(self, client_id, **options):
        """CONNECT, and the CONNACK for it."""
        self.send(wire.connect(client_id, version=self.version, **options))
        return self.expect(wire.CONNACK)

    def open_session(self, client_id, **options):
        connack = self.connect(client_id, **options)
        assert connack.reason == 0, f"CONNECT was refused with {connack.reason:#x}"
        return self

    def subscribe(self, *filters, qos=1, packet_id=1):
        self.send(wire.subscribe([(f, qos) for f in filters], packet_id, self.version))
        return self.expect(wire.SUBACK).codes

    def abort(self):
        """Closes with a reset and without TLS's farewell."""
        raw = self.socket
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.close()

    def close(self):
        self.socket.close()


def context(certificate="", ca="ca.crt", tls_version=None):
    """An ssl.SSLContext of a client. `tls_version`: "1.2" or "1.3"."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.load_verify_locations(pki.path(ca))
    if certificate:
        made.load_cert_chain(pki.path(certificate + ".crt"), pki.path(certificate + ".key"))
    if tls_version:
        exact = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[tls_version]
        made.minimum_version = made.maximum_version = exact
    return made
