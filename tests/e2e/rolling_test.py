"""A rolling restart of two gateways behind a load balancer, with a fleet that publishes all the while."""

import asyncio
import contextlib
import signal
import threading
import time

from support import haproxy, wire
from support.case import Case

CLIENTS = 500


class Fleet:
    """CLIENTS publishers in a thread of their own: each sends a message with QoS 1, waits for its PUBACK, and goes on
    with the next one; whoever loses its connection makes another one and sends what was not acknowledged again."""

    def __init__(self, port):
        self.port = port
        self.acknowledged = [0] * CLIENTS   # each has sent "<client> 0", "<client> 1", ... up to this one
        self.connected = [0] * CLIENTS      # how often
        self.farewells = []                 # reasons of DISCONNECT
        self.refused = 0                    # connections that ended before CONNACK
        self.longest = 0.0                  # between two acknowledgements of one client
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()

    def stop(self):
        self._stopping.set()
        self._thread.join()

    async def _run(self):
        await asyncio.gather(*(self._client(i) for i in range(CLIENTS)))

    async def _client(self, number):
        await asyncio.sleep(number / CLIENTS * 2)
        last = time.monotonic()
        while not self._stopping.is_set():
            writer = None
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.TimeoutError):
                reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", self.port), 10)
                version = 5 if number % 2 else 4
                writer.write(wire.connect(f"client-{number}", version=version))
                try:
                    kind, body = await asyncio.wait_for(self._packet(reader), 10)
                    assert kind == wire.CONNACK and body[1] == 0, (kind, body)
                except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError):
                    self.refused += 1
                    raise
                self.connected[number] += 1
                while not self._stopping.is_set():
                    payload = f"{number} {self.acknowledged[number]}".encode()
                    writer.write(wire.publish("fleet/up", payload, qos=1, packet_id=1, version=version))
                    await asyncio.wait_for(self._puback(reader), 10)
                    self.acknowledged[number] += 1
                    self.longest = max(self.longest, time.monotonic() - last)
                    last = time.monotonic()
                    # Nine of ten are nearly idle.
                    await asyncio.sleep(0.2 if number % 10 == 0 else 1)
            if writer is not None:
                writer.close()
            await asyncio.sleep(0.1)

    async def _puback(self, reader):
        kind, body = await self._packet(reader)
        if kind == wire.DISCONNECT:
            self.farewells.append(body[0])
            kind, body = await self._packet(reader)  # the end
        assert kind == wire.PUBACK and body[:2] == b"\0\1", (kind, body)

    @staticmethod
    async def _packet(reader):
        first = (await reader.readexactly(1))[0]
        length, shift = 0, 0
        while True:
            byte = (await reader.readexactly(1))[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return first >> 4, await reader.readexactly(length)


class Rolling(Case):
    def test_a_rolling_restart_loses_no_acknowledged_message(self):
        broker = self.mosquitto(options=["max_queued_messages 0", "max_inflight_messages 0", "max_connections -1"])
        # What reached the broker, as a client of its own sees it.
        counter = self.client(broker.port).open_session("counter")
        counter.subscribe("fleet/up", qos=0)
        seen = {}

        def count():
            with contextlib.suppress(OSError, AssertionError):
                while True:
                    packet = counter.receive()
                    if packet is None:
                        return
                    client, number = packet.payload.split()
                    seen.setdefault(int(client), set()).add(int(number))
        counting = threading.Thread(target=count, daemon=True)
        counting.start()

        drain = '[drain]\ndelay = "2 s"\nwindow = "3 s"\ntimeout = "5 s"\n'
        gateways = [self.gateway(broker, more=drain, listener_more="max_connections = 2000") for _ in range(2)]
        balancer = haproxy.HAProxy(self.directory, gateways)
        self.addCleanup(balancer.stop)
        fleet = Fleet(balancer.port)
        self.addCleanup(fleet.stop)
        self.until(lambda: all(fleet.acknowledged), "every client has published")

        for gateway in gateways:
            before = sum(fleet.acknowledged)
            gateway.signal(signal.SIGTERM)
            self.assertEqual(gateway.process.wait(30), 0)
            ends = gateway.audit_lines(event="session_end", kind="shutdown")
            self.assertGreater(len(ends), CLIENTS / 4)
            gateway.start()
            self.assertGreater(sum(fleet.acknowledged), before, "the other one served meanwhile")
            self.until(lambda: self.lets_in(balancer.port) and
                       gateway.metrics().value("sallyport_connections_accepted_total") > 0,
                       "the balancer uses it again")
        connections = sum(fleet.connected)
        acknowledged = list(fleet.acknowledged)
        self.until(lambda: all(now > then for now, then in zip(fleet.acknowledged, acknowledged)),
                   "every client still publishes")
        fleet.stop()

        acknowledged = list(fleet.acknowledged)

        def lost():
            return [(client, number) for client, most in enumerate(acknowledged) for number in range(most)
                    if number not in seen.get(client, ())]
        # What the counter has not read yet is on its way.
        self.until(lambda: not lost(), lambda: f"nothing is lost; it is {len(lost())}: {lost()[:5]}")
        self.assertGreater(connections, CLIENTS * 1.5)  # they did move
        self.assertEqual(set(fleet.farewells), {0x8B})
        # None where the balancer has its time to ask in the delay.
        self.assertLess(fleet.refused, CLIENTS / 10)
        print(f"{sum(acknowledged)} messages of {CLIENTS} clients, {connections} connections, longest silence "
              f"{fleet.longest:.2f} s")

    test_a_rolling_restart_loses_no_acknowledged_message.slow = True
