"""A broker that writes down every byte and answers as a test tells it to: for what a real one would
not show (exact bytes, how often it was dialled) or would not do (misbehave)."""

import collections
import socket
import ssl
import threading

from . import kernel, ports, wait, wire


class Connection:
    def __init__(self, broker, sock):
        self.broker, self.socket = broker, sock
        self.received = bytearray()
        self.packets = []
        self.version = 4
        self.ended = False
        self._buffer = bytearray()

    def send(self, *parts):
        self.socket.sendall(b"".join(parts))

    def send_in_parts(self, parts):
        """Sends each part only once the gateway has read the one before it."""
        here, there = self.socket.getsockname()[1], self.socket.getpeername()[1]
        for part in parts:
            self.send(part)
            wait.until(lambda: kernel.has_read_all(there, here), "the gateway reads what was sent",
                       every=0.0005)

    def send_some(self, data, bound):
        """Sends what the gateway takes within `bound` seconds without progress; how much."""
        self.socket.settimeout(bound)
        sent, view = 0, memoryview(data)
        try:
            while sent < len(data):
                sent += self.socket.send(view[sent:sent + 65536])
        except TimeoutError:
            pass
        finally:
            self.socket.settimeout(None)
        return sent

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def of_kind(self, kind):
        return [p for p in list(self.packets) if p.kind == kind]

    def wait_packet(self, kind, count=1):
        """The `count`th packet of this kind."""
        wait.until(lambda: len(self.of_kind(kind)) >= count,
                   lambda: f"{count} {wire.NAMES[kind]}; there are: "
                           + "; ".join(map(str, self.packets)))
        return self.of_kind(kind)[count - 1]

    def wait_end(self):
        wait.until(lambda: self.ended, "the gateway closes its connection to the broker")

    def _run(self):
        try:
            while True:
                self.broker.reading.wait()
                data = self.socket.recv(262144)
                if not data:
                    break
                self.received += data
                self._buffer += data
                self._digest()
        except OSError:
            pass
        self.ended = True
        self.socket.close()

    def _digest(self):
        if self.broker.bytes_only:
            return
        for packet in wire.split(self._buffer, self.version):
            if packet.kind == wire.CONNECT:
                name = int.from_bytes(packet.body[:2], "big")
                self.version = packet.version = packet.body[2 + name]
            self.packets.append(packet)
            if self.broker.answer:
                self.broker.answer(self, packet)


def polite(connection, packet):
    """What a broker without subscribers says."""
    kind, version = packet.kind, connection.version
    if kind == wire.CONNECT:
        connection.send(wire.connack(version=version))
    elif kind == wire.PUBLISH and packet.qos:
        connection.send(wire.ack(wire.PUBACK if packet.qos == 1 else wire.PUBREC, packet.packet_id))
    elif kind == wire.PUBREL:
        connection.send(wire.ack(wire.PUBCOMP, packet.packet_id))
    elif kind in (wire.SUBSCRIBE, wire.UNSUBSCRIBE):
        filters = count_filters(packet)
        connection.send(wire.suback(packet.packet_id, [0] * filters, version,
                                    kind + 1 if kind == wire.SUBSCRIBE else wire.UNSUBACK))
    elif kind == wire.PINGREQ:
        connection.send(wire.pingresp())


def count_filters(packet):
    rest, count = packet.payload, 0
    while rest:
        size = 2 + int.from_bytes(rest[:2], "big") + (1 if packet.kind == wire.SUBSCRIBE else 0)
        rest, count = rest[size:], count + 1
    return count


class FakeBroker:
    """Listening once constructed. `answer(connection, packet)` is called for each packet;
    `polite` by default, None: it only listens. `bytes_only`: packets are not even looked at.
    `tls`: paths of a certificate and its key, of any strength."""

    def __init__(self, answer=polite, bytes_only=False, receive_buffer=None, tls=None):
        self.answer, self.bytes_only = answer, bytes_only
        self._context = None
        if tls:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.set_ciphers("DEFAULT:@SECLEVEL=0")
            self._context.load_cert_chain(*tls)
        self.accepted = 0
        self.reading = threading.Event()  # cleared: it reads nothing from any connection
        self.reading.set()
        self.connections = collections.deque()
        self.host, self.port = "127.0.0.1", ports.free_port()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind((self.host, self.port))
        self._listener.listen(64)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context:  # shakes hands on the connection's own thread, when it reads
                sock = self._context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            connection = Connection(self, sock)
            self.connections.append(connection)
            self.accepted += 1
            threading.Thread(target=connection._run, daemon=True).start()

    def connection(self, index=0):
        """The connection with this number, once it is there."""
        wait.until(lambda: len(self.connections) > index, f"the gateway dials the broker ({index + 1}.)")
        return self.connections[index]

    def stop(self):
        self.reading.set()
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        self._thread.join()
        for connection in self.connections:
            connection.close()
