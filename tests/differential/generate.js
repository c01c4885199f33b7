// Valid packets of every type, by mqtt-packet's generator; and a few valid forms that it never makes.
'use strict'
const mqtt = require('mqtt-packet')
const { TYPES, ACKS, PROPERTIES, maySend, mayStand, mayRepeat, placeOf, reasons } = require('./standard')

const VERSIONS = [3, 4, 5]
const SIDES = ['client', 'broker']
const LETTERS = [
  'a',
  'b',
  'Z',
  '0',
  '9',
  '-',
  '_',
  '.',
  ' ',
  '$',
  'é',
  'ß',
  'Ω',
  '水',
  '\u{1F512}',
  '\uFEFF',
  '\u0001',
  '\u007F',
  '\u0085',
  '\uFFFD',
  '\uFFFF',
  '\u{10FFFF}',
  '\uD7FF',
  '\uE000'
]

class Generator {
  constructor(random) {
    this.random = random
    this.emptyValues = true // of user properties
  }

  // --- strings ---
  word(least = 0, most = 8) {
    const { random } = this
    if (random.chance(0.01)) return 'x'.repeat(random.between(100, 300))
    return Array.from({ length: random.between(least, most) }, () =>
      random.chance(0.7) ? random.pick('abcdefgh') : random.pick(LETTERS)
    ).join('')
  }

  topic() {
    const { random } = this
    if (random.chance(0.02)) return random.pick(['/', '//', '$SYS/x', ' ', '$', 'a/', '/a', '$share/a/b'])
    const levels = Array.from({ length: random.between(1, 6) }, () => this.word(0, 5))
    return levels.join('/') || 't'
  }

  filter() {
    const { random } = this
    if (random.chance(0.05)) return random.pick(['#', '+', '/', '+/+', '/#', '$SYS/#', '+/', '$share'])
    const levels = this.topic()
      .split('/')
      .map(level => (random.chance(0.3) ? '+' : level))
    if (random.chance(0.3)) levels.push('#')
    const filter = levels.join('/')
    if (filter.startsWith('$share/')) return 'a/' + filter
    return random.chance(0.15) ? '$share/' + this.word(1, 4).replace(/[^a-z]/g, 'g') + '/' + filter : filter
  }

  payload() {
    const { random } = this
    if (random.chance(0.1)) return Buffer.alloc(0)
    return random.bytes(random.chance(0.03) ? random.between(120, 20000) : random.between(1, 40))
  }

  identifier() {
    return this.random.chance(0.2) ? this.random.pick([1, 255, 256, 65535]) : this.random.between(1, 65535)
  }

  // --- properties ---
  value(one) {
    const { random } = this
    const least = one.zero === false ? 1 : 0
    switch (one.kind) {
      case 'byte':
        return random.chance(0.5)
      case 'int8':
        return random.between(least, one.most)
      case 'int16':
        return random.pick([least, 1, 2, 255, 256, 65535, random.between(1, 65535)])
      case 'int32':
        return random.pick([least, 1, 65536, 0x7fffffff, 0x80000000, 0xffffffff])
      case 'var':
        return random.pick([1, 127, 128, 16383, 16384, 2097151, 2097152, 268435455])
      case 'topic':
        return this.topic()
      case 'string':
        return this.word()
      case 'binary':
        return random.bytes(random.below(20))
      default:
        return this.pairs()
    }
  }

  // Sometimes a name more than once, which is allowed and has an order. 3.1.2.11.8
  pairs() {
    const out = Object.create(null)
    for (let count = this.random.between(1, 4); count > 0; --count) {
      const value = () => this.word(this.emptyValues ? 0 : 1, 6)
      out[this.word(0, 4)] = this.random.chance(0.3) ? [value(), value(), value()] : value()
    }
    return out
  }

  properties(place, often = 0.25) {
    const { random } = this
    const allowed = PROPERTIES.filter(one => mayStand(one, place))
    const out = {}
    for (const one of random.some(allowed, random.chance(0.3) ? 0 : often)) {
      const many = one.kind !== 'pair' && mayRepeat(one, place) && random.chance(0.5)
      out[one.name] = many ? [this.value(one), this.value(one)] : this.value(one)
    }
    // 3.1.2.11.10: no data without a method
    if (out.authenticationData !== undefined && out.authenticationMethod === undefined) {
      out.authenticationMethod = 'SCRAM'
    }
    return out
  }

  // --- packets, as mqtt-packet's generator takes them ---
  packet(type, from, version) {
    const five = version === 5
    const { random } = this
    const out = { cmd: type, ...this[ACKS.includes(type) ? 'ack' : type](version, from) }
    const place = placeOf(type, from)
    if (five && PROPERTIES.some(one => one.places && one.places.includes(place))) {
      out.properties = { ...this.properties(place), ...out.properties }
    } else if (five && type === 'unsubscribe') {
      out.properties = this.properties(place, 0.6)
    }
    const codes = five && reasons(type, from)
    if (codes && !['suback', 'unsuback'].includes(type)) out.reasonCode = random.pick(codes)
    if (type === 'connack') {
      if (!five) out.returnCode = random.below(6)
      out.sessionPresent = !(out.reasonCode || out.returnCode) && version !== 3 && random.chance(0.5)
    }
    if (type === 'publish' && five && out.properties.topicAlias && random.chance(0.4)) out.topic = ''
    if (type === 'auth') out.properties.authenticationMethod = this.word(1)
    return out
  }

  connect(version) {
    const { random } = this
    const clean = random.chance(0.5)
    const out = {
      protocolId: version === 3 ? 'MQIsdp' : 'MQTT',
      protocolVersion: version,
      bridgeMode: version !== 5 && random.chance(0.1),
      clean,
      keepalive: random.pick([0, 1, 60, 65535]),
      clientId: version >= 4 && clean && random.chance(0.2) ? '' : this.word(1, 20)
    }
    if (random.chance(0.5)) {
      out.will = {
        topic: this.topic(),
        payload: this.payload(),
        qos: random.below(3),
        retain: random.chance(0.5)
      }
      if (version === 5) out.will.properties = this.properties('will')
    }
    if (random.chance(0.5)) {
      out.username = this.word()
      if (random.chance(0.6)) out.password = random.bytes(random.below(10))
    }
    return out
  }

  connack() {
    return {}
  }

  publish() {
    const qos = this.random.below(3)
    return {
      topic: this.topic(),
      payload: this.payload(),
      qos,
      dup: qos > 0 && this.random.chance(0.3),
      retain: this.random.chance(0.3),
      messageId: this.identifier()
    }
  }

  ack() {
    return { messageId: this.identifier() }
  }

  subscribe(version) {
    const { random } = this
    const subscriptions = Array.from({ length: random.between(1, 5) }, () => {
      const one = { topic: this.filter(), qos: random.below(3) }
      if (version !== 5) return one
      const shared = one.topic.startsWith('$share/') // 3.8.3.1: no No Local for these
      return { ...one, nl: !shared && random.chance(0.3), rap: random.chance(0.3), rh: random.below(3) }
    })
    return { messageId: this.identifier(), subscriptions }
  }

  unsubscribe() {
    const unsubscriptions = Array.from({ length: this.random.between(1, 5) }, () => this.filter())
    return { messageId: this.identifier(), unsubscriptions }
  }

  suback(version) {
    const codes = version === 5 ? reasons('suback') : version === 4 ? [0, 1, 2, 0x80] : [0, 1, 2]
    return { messageId: this.identifier(), granted: this.granted(codes) }
  }

  unsuback(version) {
    return { messageId: this.identifier(), granted: version === 5 ? this.granted(reasons('unsuback')) : [] }
  }

  granted(codes) {
    return Array.from({ length: this.random.between(1, 5) }, () => this.random.pick(codes))
  }

  pingreq() {
    return {}
  }
  pingresp() {
    return {}
  }
  disconnect() {
    return {}
  }
  auth() {
    return {}
  }
}

// All that can be sent: [{ type, from, version }].
function kinds() {
  return VERSIONS.flatMap(version =>
    SIDES.flatMap(from =>
      TYPES.filter(type => maySend(from, type, version)).map(type => ({ type, from, version }))
    )
  )
}

// A case: { type, from, version, bytes }. The generator must be able to make it.
function generate(generator, { type, from, version }) {
  const packet = generator.packet(type, from, version)
  const bytes = mqtt.generate(packet, { protocolVersion: version })
  return { type, from, version, bytes }
}

// Valid packets of one side, one behind the other; a client's begin with CONNECT.
function stream(generator, from, version) {
  const { random } = generator
  const types = kinds().filter(one => one.from === from && one.version === version && one.type !== 'connect')
  const first = from === 'client' ? [{ type: 'connect', from, version }] : []
  const packets = [...first, ...Array.from({ length: random.between(1, 4) }, () => random.pick(types))].map(
    kind => generate(generator, kind).bytes
  )
  return { type: 'stream', from, version, count: packets.length, bytes: Buffer.concat(packets) }
}

// Valid packets that mqtt-packet's generator never makes, by hand: type, side, version, first byte, the
// rest without its length, and the section that says that they are valid.
const text = value => {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]).toString('hex')
}
const MQTT = text('MQTT')
const MQISDP = text('MQIsdp')
const METHOD = '15' + text('SCRAM')
const BY_HAND = [
  ['connect', 'client', 5, 0x10, MQTT + '0540000000' + text('') + text('key'), '3.1.2.9: a password alone'],
  ['connect', 'client', 5, 0x10, MQTT + '0500000a00' + text(''), '3.1.3.1: no identifier, no clean start'],
  ['connack', 'broker', 5, 0x20, '0001', '3.2.2.3 (3.1.1): what a broker of 3.1.1 answers'],
  ['puback', 'broker', 5, 0x40, '000110', '3.4.2.1: a reason code and no property length'],
  ['pubrec', 'client', 5, 0x50, '000197', '3.5.2.1: a reason code and no property length'],
  ['pubrel', 'client', 5, 0x62, '000192', '3.6.2.1: a reason code and no property length'],
  ['pubcomp', 'broker', 5, 0x70, '000192', '3.7.2.1: a reason code and no property length'],
  ['puback', 'client', 5, 0x40, '00010000', '3.4.2.1: success, spelt out'],
  ['disconnect', 'client', 5, 0xe0, '', '3.14.2.1: nothing means normal disconnection'],
  ['disconnect', 'client', 5, 0xe0, '04', '3.14.2.2.1: a reason code and no property length'],
  ['disconnect', 'broker', 5, 0xe0, '8c00', '2.4: 0x8C is a code of DISCONNECT'],
  ['auth', 'broker', 5, 0xf0, '', '3.15.2.1: nothing means success'],
  ['auth', 'client', 5, 0xf0, '1908' + METHOD, '3.15.2.1: the client authenticates again'],
  [
    'publish',
    'broker',
    5,
    0x30,
    text('a') + '050b010b8001',
    '3.3.2.3.8: an identifier for each subscription'
  ],
  ['publish', 'client', 5, 0x30, text('') + '03230001', '3.3.2.1: an alias in place of the topic'],
  ['pubrel', 'client', 3, 0x6a, '0001', '2.1 (3.1): PUBREL again, with DUP'],
  ['subscribe', 'client', 3, 0x8a, '0001' + text('a') + '01', '2.1 (3.1): SUBSCRIBE again, with DUP'],
  ['unsubscribe', 'client', 3, 0xaa, '0001' + text('a'), '2.1 (3.1): UNSUBSCRIBE again, with DUP'],
  ['connect', 'client', 3, 0x10, MQISDP + '0303000a' + text('c'), '3.1 (3.1): the lowest bit means nothing'],
  ['connect', 'client', 3, 0x10, MQISDP + '0328000a' + text('c'), '3.1 (3.1): Will bits without a Will'],
  ['connect', 'client', 3, 0x10, MQISDP + '03c2000a' + text('c'), '3.1 (3.1): a user name that is not there'],
  ['connack', 'broker', 3, 0x20, '0100', '3.2 (3.1): the first byte has no meaning'],
  ['suback', 'broker', 3, 0x90, '000180', '3.9.3 (3.1.1): failure, which brokers say in 3.1, too']
].map(([type, from, version, first, body, why]) => ({
  type,
  from,
  version,
  why,
  bytes: Buffer.concat([Buffer.from([first, body.length / 2]), Buffer.from(body, 'hex')])
}))

module.exports = { Generator, SIDES, VERSIONS, kinds, generate, stream, BY_HAND }
