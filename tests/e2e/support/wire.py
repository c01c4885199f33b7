"""MQTT packets byte by byte: builders that can also build wrong ones, and a reader.

Small on purpose and independent of every client library, so that a test says exactly which bytes
go over the wire. `version` is the protocol level: 3 (3.1), 4 (3.1.1) or 5 (5.0).
"""

import dataclasses
import struct

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = range(1, 8)
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT, AUTH = range(8, 16)
NAMES = ("0 CONNECT CONNACK PUBLISH PUBACK PUBREC PUBREL PUBCOMP SUBSCRIBE SUBACK UNSUBSCRIBE "
         "UNSUBACK PINGREQ PINGRESP DISCONNECT AUTH").split()

# Property identifiers with the form of their value.
RESPONSE_TOPIC, SUBSCRIPTION_ID, SESSION_EXPIRY, ASSIGNED_CLIENT_ID = 0x08, 0x0B, 0x11, 0x12
SERVER_KEEP_ALIVE, REASON_STRING, RECEIVE_MAXIMUM, TOPIC_ALIAS_MAXIMUM = 0x13, 0x1F, 0x21, 0x22
TOPIC_ALIAS, USER_PROPERTY, MAXIMUM_PACKET_SIZE = 0x23, 0x26, 0x27
_FORM = {
    0x01: "B", 0x02: "I", 0x03: "s", 0x08: "s", 0x09: "b", 0x0B: "v", 0x11: "I", 0x12: "s",
    0x13: "H", 0x15: "s", 0x16: "b", 0x17: "B", 0x18: "I", 0x19: "B", 0x1A: "s", 0x1C: "s",
    0x1F: "s", 0x21: "H", 0x22: "H", 0x23: "H", 0x24: "B", 0x25: "B", 0x26: "p", 0x27: "I",
    0x28: "B", 0x29: "B", 0x2A: "B",
}


def varint(value):
    out = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)


def binary(value):
    value = value.encode() if isinstance(value, str) else bytes(value)
    return struct.pack(">H", len(value)) + value


def properties(items):
    """`items`: pairs of (identifier, value); a user property's value is a pair itself."""
    body = b""
    for identifier, value in items:
        form = _FORM[identifier]
        body += bytes([identifier])
        if form in "BHI":
            body += struct.pack(">" + form, value)
        elif form == "v":
            body += varint(value)
        elif form == "p":
            body += binary(value[0]) + binary(value[1])
        else:
            body += binary(value)
    return varint(len(body)) + body


def packet(kind, flags, body):
    return bytes([kind << 4 | flags]) + varint(len(body)) + body


def connect(client_id="", version=4, clean=True, keep_alive=60, will=None, username=None,
            password=None, props=()):
    """`will`: (topic, payload, qos, retain) or None."""
    flags = 0x02 if clean else 0
    tail = binary(client_id)
    if will is not None:
        topic, payload, qos, retain = will
        flags |= 0x04 | qos << 3 | (0x20 if retain else 0)
        tail += (properties(()) if version == 5 else b"") + binary(topic) + binary(payload)
    if username is not None:
        flags |= 0x80
        tail += binary(username)
    if password is not None:
        flags |= 0x40
        tail += binary(password)
    name = "MQIsdp" if version == 3 else "MQTT"
    head = binary(name) + bytes([version, flags]) + struct.pack(">H", keep_alive)
    if version == 5:
        head += properties(props)
    return packet(CONNECT, 0, head + tail)


def connack(code=0, version=4, session_present=False, props=()):
    body = bytes([1 if session_present else 0, code])
    return packet(CONNACK, 0, body + (properties(props) if version == 5 else b""))


def publish(topic, payload=b"", qos=0, retain=False, dup=False, packet_id=1, version=4, props=()):
    payload = payload.encode() if isinstance(payload, str) else bytes(payload)
    body = binary(topic)
    if qos:
        body += struct.pack(">H", packet_id)
    if version == 5:
        body += properties(props)
    return packet(PUBLISH, (8 if dup else 0) | qos << 1 | (1 if retain else 0), body + payload)


def ack(kind, packet_id, reason=None, props=None):
    body = struct.pack(">H", packet_id)
    if reason is not None:
        body += bytes([reason])
    if props is not None:
        body += properties(props)
    return packet(kind, 2 if kind == PUBREL else 0, body)


def subscribe(filters, packet_id=1, version=4, props=()):
    """`filters`: pairs of (filter, options)."""
    body = struct.pack(">H", packet_id) + (properties(props) if version == 5 else b"")
    for topic_filter, options in filters:
        body += binary(topic_filter) + bytes([options])
    return packet(SUBSCRIBE, 2, body)


def unsubscribe(filters, packet_id=1, version=4, props=()):
    body = struct.pack(">H", packet_id) + (properties(props) if version == 5 else b"")
    return packet(UNSUBSCRIBE, 2, body + b"".join(binary(f) for f in filters))


def suback(packet_id, codes, version=4, kind=SUBACK):
    body = struct.pack(">H", packet_id) + (properties(()) if version == 5 else b"")
    if kind == SUBACK or version == 5:
        body += bytes(codes)
    return packet(kind, 0, body)


def pingreq():
    return packet(PINGREQ, 0, b"")


def pingresp():
    return packet(PINGRESP, 0, b"")


def disconnect(reason=None, props=None):
    body = b"" if reason is None else bytes([reason])
    return packet(DISCONNECT, 0, body + (b"" if props is None else properties(props)))


@dataclasses.dataclass
class Packet:
    """One control packet as it was read; the views are worked out on demand."""
    raw: bytes
    header_size: int
    version: int

    @property
    def kind(self):
        return self.raw[0] >> 4

    @property
    def name(self):
        return NAMES[self.kind]

    @property
    def body(self):
        return self.raw[self.header_size:]

    @property
    def qos(self):
        return self.raw[0] >> 1 & 3

    @property
    def retain(self):
        return bool(self.raw[0] & 1)

    @property
    def topic(self):
        size = struct.unpack_from(">H", self.body)[0]
        return self.body[2:2 + size].decode()

    @property
    def packet_id(self):
        at = 2 + struct.unpack_from(">H", self.body)[0] if self.kind == PUBLISH else 0
        return struct.unpack_from(">H", self.body, at)[0]

    def _after_header(self):
        """Where the property block (or, before 5.0, what follows it) begins."""
        if self.kind == CONNACK:
            return 2
        if self.kind == PUBLISH:
            return 2 + struct.unpack_from(">H", self.body)[0] + (2 if self.qos else 0)
        if self.kind in (DISCONNECT, AUTH):
            return min(1, len(self.body))
        if self.kind in (PUBACK, PUBREC, PUBREL, PUBCOMP):
            return min(3, len(self.body))
        return 2

    def _properties(self):
        at = self._after_header()
        if self.version != 5 or at >= len(self.body):
            return [], at
        size, at = read_varint(self.body, at)
        return parse_properties(self.body[at:at + size]), at + size

    @property
    def props(self):
        return self._properties()[0]

    @property
    def payload(self):
        return self.body[self._properties()[1]:]

    @property
    def codes(self):
        """Codes of SUBACK and UNSUBACK."""
        return list(self.payload)

    @property
    def reason(self):
        """The reason code (return code of CONNACK); 0 where it is left out."""
        if self.kind == CONNACK:
            return self.body[1]
        at = 0 if self.kind in (DISCONNECT, AUTH) else 2
        return self.body[at] if len(self.body) > at else 0

    def __str__(self):
        text = self.name
        if self.kind == PUBLISH:
            text += f" qos={self.qos} {self.topic!r} {len(self.payload)} B"
        return text + " " + self.raw[:40].hex()


def read_varint(data, at):
    value, shift = 0, 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, at
        if shift > 21:
            raise ValueError("variable byte integer of more than four bytes")


def parse_properties(block):
    items, at = [], 0

    def take_binary():
        nonlocal at
        size = struct.unpack_from(">H", block, at)[0]
        at += 2 + size
        return block[at - size:at]

    while at < len(block):
        identifier = block[at]
        at += 1
        form = _FORM[identifier]
        if form in "BHI":
            value = struct.unpack_from(">" + form, block, at)[0]
            at += struct.calcsize(">" + form)
        elif form == "v":
            value, at = read_varint(block, at)
        elif form == "p":
            value = (take_binary().decode(), take_binary().decode())
        else:
            value = take_binary()
            value = value.decode() if form == "s" else value
        items.append((identifier, value))
    return items


def split(buffer, version):
    """Takes all whole packets off the front of a bytearray."""
    packets = []
    while len(buffer) >= 2:
        try:
            size, at = read_varint(buffer, 1)
        except IndexError:
            break
        if len(buffer) < at + size:
            break
        packets.append(Packet(bytes(buffer[:at + size]), at, version))
        del buffer[:at + size]
    return packets
