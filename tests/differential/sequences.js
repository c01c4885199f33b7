// Sequences of packets that tests and bug reports of other projects describe. Each is a list of steps
// behind CONNECT and CONNACK; `ends`: the check by which the last step ends the session, and nothing of
// it comes out; without it every step comes out on the other side byte for byte, and nothing is refused.
//
// The names are those of Mosquitto's own test programs where one tests the same.
'use strict'
const { u16, utf8, packet, varint } = require('./bytes')

const text = value => utf8(Buffer.from(value))
const bytes = (...values) => Buffer.from(values)
const join = (...parts) => Buffer.concat(parts)
const block = (version, properties = Buffer.alloc(0)) =>
  version < 5 ? Buffer.alloc(0) : join(varint(properties.length), properties)

const client = data => ({ from: 'client', data })
const broker = data => ({ from: 'broker', data })
const ack = (type, id, reason) =>
  packet((type << 4) | (type === 6 ? 2 : 0), reason === undefined ? u16(id) : join(u16(id), bytes(reason)))
const puback = id => ack(4, id)
const pubrec = id => ack(5, id)
const pubrel = id => ack(6, id)
const pubcomp = id => ack(7, id)
const publish = (version, topic, { qos = 0, id = 1, dup = false, retain = false, properties, payload = 'm' } = {}) =>
  packet(
    0x30 | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0),
    join(
      Buffer.isBuffer(topic) ? utf8(topic) : text(topic),
      qos ? u16(id) : Buffer.alloc(0),
      block(version, properties),
      Buffer.from(payload)
    )
  )
const subscribe = (version, id, filters, properties) =>
  packet(
    0x82,
    join(
      u16(id),
      block(version, properties),
      ...filters.map(([filter, options]) => join(Buffer.isBuffer(filter) ? utf8(filter) : text(filter), bytes(options)))
    )
  )
const suback = (version, id, codes) => packet(0x90, join(u16(id), block(version), bytes(...codes)))
const unsubscribe = (version, id, filters) => packet(0xa2, join(u16(id), block(version), ...filters.map(text)))
const connectAgain = version =>
  packet(
    0x10,
    join(text(version === 3 ? 'MQIsdp' : 'MQTT'), bytes(version, 2), u16(60), block(version), text('again'))
  )
const property = (id, value) => join(bytes(id), value)
const ALL = [3, 4, 5]

const SEQUENCES = []
function passes(what, versions, steps) {
  for (const version of versions) SEQUENCES.push({ what, version, steps: steps(version), ends: null })
}
function ends(what, versions, check, steps) {
  for (const version of versions) SEQUENCES.push({ what, version, steps: steps(version), ends: check })
}

// --- whole conversations ---
passes('02-subpub-qos0: subscribe, be granted, get', ALL, v => [
  client(subscribe(v, 53, [['subpub/qos0', 0]])),
  broker(suback(v, 53, [0])),
  client(publish(v, 'subpub/qos0')),
  broker(publish(v, 'subpub/qos0'))
])
passes('02-subpub-qos1: acknowledged both ways', ALL, v => [
  client(publish(v, 'subpub/qos1', { qos: 1, id: 300 })),
  broker(puback(300)),
  broker(publish(v, 'subpub/qos1', { qos: 1, id: 1 })),
  client(puback(1))
])
passes('02-subpub-qos2: both exchanges to their ends', ALL, v => [
  client(publish(v, 'subpub/qos2', { qos: 2, id: 301 })),
  broker(pubrec(301)),
  client(pubrel(301)),
  broker(pubcomp(301)),
  broker(publish(v, 'subpub/qos2', { qos: 2, id: 1 })),
  client(pubrec(1)),
  broker(pubrel(1)),
  client(pubcomp(1))
])
passes('03-publish-c2b-disconnect-qos2: a client that comes back says again', ALL, v => [
  client(publish(v, 'disconnect/test', { qos: 2, id: 3, dup: true })),
  broker(pubrec(3)),
  client(pubrel(3)),
  client(pubrel(3)),
  broker(pubcomp(3)),
  broker(pubcomp(3))
])
passes('03-publish-b2c-disconnect-qos2: a broker says again', ALL, v => [
  broker(publish(v, 'disconnect/test', { qos: 2, id: 1, dup: true })),
  client(pubrec(1)),
  broker(pubrel(1)),
  broker(pubrel(1)),
  client(pubcomp(1))
])
passes('03-publish-b2c-disconnect-qos2: PUBREL of an earlier connection', ALL, v => [
  broker(pubrel(7)),
  client(pubcomp(7))
])
passes('03-publish-dollar: a topic that begins with a dollar', ALL, v => [client(publish(v, '$SYS/odd'))])
passes('04-retain-*: retained, cleared, delivered', ALL, v => [
  client(publish(v, 'retain/test', { retain: true })),
  client(publish(v, 'retain/test', { retain: true, payload: '' })),
  broker(publish(v, 'retain/test', { retain: true }))
])
passes('02-unsubscribe-qos*: of several filters, unknown ones too', ALL, v => [
  client(subscribe(v, 1, [['a/+', 0], ['#', 1], ['a/#', 2]])),
  broker(suback(v, 1, [0, 1, 2])),
  client(unsubscribe(v, 2, ['a/+', 'never', '#']))
])
passes('02-subscribe-persistence-flipflop: the same filter again with another QoS', ALL, v =>
  [0, 1, 2, 0].flatMap((qos, i) => [
    client(subscribe(v, i + 1, [['flip', qos]])),
    broker(suback(v, i + 1, [qos]))
  ])
)
passes('home-assistant: 500 filters in one SUBSCRIBE, and out again', ALL, v => {
  const names = Array.from({ length: 500 }, (_, i) => `homeassistant/sensor/${i}/state`)
  return [
    client(subscribe(v, 1, names.map(name => [name, 0]))),
    broker(suback(v, 1, names.map(() => 0))),
    client(unsubscribe(v, 2, names))
  ]
})
passes('a device says all in one write: PUBLISH, PINGREQ, DISCONNECT', ALL, v => [
  client(join(publish(v, 'boot', { qos: 1 }), packet(0xc0, Buffer.alloc(0)), packet(0xe0, Buffer.alloc(0))))
])
passes('02-shared-qos0-v5: a shared subscription', [5], v => [client(subscribe(v, 1, [['$share/one/t/#', 0]]))])
passes('12-prop-topic-alias-c2b, -b2c: set, used, set anew', [5], v => [
  ...[client, broker].flatMap(from => [
    from(publish(v, 'alias/one', { properties: property(0x23, u16(3)) })),
    from(publish(v, '', { properties: property(0x23, u16(3)) })),
    from(publish(v, 'alias/two', { properties: property(0x23, u16(3)) })),
    from(publish(v, '', { properties: property(0x23, u16(3)) }))
  ])
])
passes('12-prop-request-response: topic and correlation data', [5], v => [
  client(
    publish(v, 'request', {
      properties: join(property(0x08, text('answer/here')), property(0x09, utf8(bytes(0, 1, 2, 255))))
    })
  )
])
passes('02-subpub-qos2-pubrec-error: PUBREC of 0x80 ends the exchange', [5], v => [
  client(publish(v, 't', { qos: 2, id: 1 })),
  broker(ack(5, 1, 0x80)),
  client(publish(v, 't', { qos: 2, id: 1 })),
  broker(pubrec(1))
])

// --- wrong answers ---
const delivery = (v, qos) => broker(publish(v, 'pub/qos', { qos, id: 1 }))
ends('02-subpub-qos1-bad-pubrec', ALL, 'mqtt.wrong-ack', v => [delivery(v, 1), client(pubrec(1))])
ends('02-subpub-qos1-bad-pubcomp', ALL, 'mqtt.wrong-ack', v => [delivery(v, 1), client(pubcomp(1))])
ends('02-subpub-qos2-bad-puback-1', ALL, 'mqtt.wrong-ack', v => [delivery(v, 2), client(puback(1))])
ends('02-subpub-qos2-bad-puback-2', ALL, 'mqtt.wrong-ack', v => [
  delivery(v, 2),
  client(pubrec(1)),
  client(puback(1))
])
ends('02-subpub-qos2-bad-pubcomp', ALL, 'mqtt.wrong-ack', v => [delivery(v, 2), client(pubcomp(1))])

// --- wrong packets ---
ends('01-connect-duplicate', ALL, 'mqtt.connect-first', v => [client(connectAgain(v))])
ends('02-subscribe-invalid-utf8', ALL, 'mqtt.utf8', v => [client(subscribe(v, 1, [[bytes(0x61, 0xc0, 0xaf), 0]]))])
ends('02-unsubscribe-invalid-no-topic', ALL, 'mqtt.no-filters', v => [client(unsubscribe(v, 1, []))])
ends('02-subscribe-invalid-no-topic', ALL, 'mqtt.no-filters', v => [client(subscribe(v, 1, []))])
ends('02-subscribe-dollar-v5: $share without a name', [5], 'mqtt.share-name', v => [
  client(subscribe(v, 1, [['$share//t', 0]]))
])
ends('03-publish-invalid-utf8', ALL, 'mqtt.utf8', v => [client(publish(v, bytes(0x61, 0xed, 0xa0, 0x80)))])
ends('03-publish-qos1-no-mid', ALL, 'mqtt.packet-identifier', v => [client(publish(v, 't', { qos: 1, id: 0 }))])
ends('03-pattern-matching: a wildcard in a topic', ALL, 'mqtt.topic-name', v => [client(publish(v, 'a/#'))])
ends('a client that sends a CONNACK (CVE-2021-28166)', ALL, 'mqtt.packet-type', v => [
  client(packet(0x20, join(bytes(0, 0), block(v))))
])
ends('PUBLISH without a topic (CVE-2021-34432)', [3, 4], 'mqtt.topic-name', v => [client(publish(v, ''))])
ends('12-prop-topic-alias-invalid: never set', [5], 'mqtt.topic-alias', v => [
  client(publish(v, '', { properties: property(0x23, u16(9)) }))
])
ends('12-prop-topic-alias-invalid: 0', [5], 'mqtt.topic-alias', v => [
  client(publish(v, 't', { properties: property(0x23, u16(0)) }))
])
ends('12-prop-subscription-identifier: 0', [5], 'mqtt.property-value', v => [
  client(subscribe(v, 1, [['t', 0]], property(0x0b, bytes(0))))
])
ends('12-prop-publish-invalid: a property of CONNECT', [5], 'mqtt.property-unknown', v => [
  client(publish(v, 't', { properties: property(0x11, Buffer.alloc(4)) }))
])
ends('13-malformed-publish-v5: a subscription identifier from a client', [5], 'mqtt.property-unknown', v => [
  client(publish(v, 't', { properties: property(0x0b, bytes(1)) }))
])
ends('13-malformed-subscribe-v5: options with reserved bits', [5], 'mqtt.subscription-options', v => [
  client(subscribe(v, 1, [['t', 0xc0]]))
])
ends('a Remaining Length of five bytes (CVE-2026-21888)', ALL, 'mqtt.remaining-length', () => [
  client(bytes(0x30, 0xff, 0xff, 0xff, 0xff, 0x01))
])

module.exports = { SEQUENCES }
