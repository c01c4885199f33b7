// All values of what has few: every property in every place, every reason code, every first byte, all
// flags of CONNECT and of subscriptions, every protocol level, the edges of UTF-8. Most are not valid.
'use strict'
const { ACKS, PROPERTIES, TYPES } = require('./standard')
const { packet, utf8, u16, varint } = require('./bytes')

const SIDES = ['client', 'broker']
const VERSIONS = [3, 4, 5]
const ALL = Array.from({ length: 256 }, (_, i) => i)
const byte = value => Buffer.from([value])
const text = value => utf8(Buffer.from(value))
const join = (...parts) => Buffer.concat(parts)
const block = (...properties) => join(varint(join(...properties).length), ...properties)
const first = type =>
  (TYPES.indexOf(type) << 4) | (['pubrel', 'subscribe', 'unsubscribe'].includes(type) ? 2 : 0)
const METHOD = join(byte(0x15), text('m'))

// A property with a value for its kind, whose numbers all are `number`.
function property({ id, kind }, number) {
  switch (kind) {
    case 'byte':
    case 'int8':
      return Buffer.from([id, number])
    case 'int16':
      return join(byte(id), u16(number))
    case 'int32':
      return join(byte(id), u16(0), u16(number))
    case 'var':
      return join(byte(id), varint(number))
    case 'pair':
      return join(byte(id), text('k'), text('v'))
    default:
      return join(byte(id), text('v'))
  }
}

// A packet of 5.0 of this type with this property block and reason code.
function withBlock(type, properties, code = 0) {
  const id = u16(1)
  switch (type) {
    case 'connect':
      return join(text('MQTT'), byte(5), byte(2), u16(0), properties, text('c'))
    case 'will':
      return join(
        text('MQTT'),
        byte(5),
        byte(6),
        u16(0),
        block(),
        text('c'),
        properties,
        text('t'),
        text('p')
      )
    case 'connack':
      return join(byte(0), byte(code), properties)
    case 'publish':
      return join(text('t'), properties)
    case 'subscribe':
      return join(id, properties, text('f'), byte(0))
    case 'unsubscribe':
      return join(id, properties, text('f'))
    case 'suback':
    case 'unsuback':
      return join(id, properties, byte(code))
    case 'disconnect':
    case 'auth':
      return join(byte(code), properties)
    default:
      return join(id, byte(code), properties)
  }
}

function properties(add) {
  const places = ['will', ...TYPES.filter(type => !['reserved', 'pingreq', 'pingresp'].includes(type))]
  for (const place of places) {
    const type = place === 'will' ? 'connect' : place
    for (const from of SIDES) {
      for (const one of PROPERTIES) {
        for (const number of [0, 1, 2]) {
          // AUTH is nothing without a method, so it has one beside what is looked at.
          const beside = place === 'auth' && one.id !== 0x15 ? [METHOD] : []
          const code = place === 'auth' ? 0x18 : 0
          const value = property(one, number)
          add('a property', from, 5, packet(first(type), withBlock(place, block(...beside, value), code)))
          add(
            'a property twice',
            from,
            5,
            packet(first(type), withBlock(place, block(...beside, value, value), code))
          )
        }
      }
    }
  }
}

function codes(add) {
  for (const from of SIDES) {
    for (const code of ALL) {
      for (const type of ['connack', ...ACKS, 'suback', 'unsuback', 'disconnect']) {
        add('a reason code', from, 5, packet(first(type), withBlock(type, block(), code)))
      }
      add('a reason code', from, 5, packet(first('auth'), withBlock('auth', block(METHOD), code)))
      for (const version of [3, 4]) {
        add('a return code', from, version, packet(first('connack'), Buffer.from([0, code])))
        add('CONNACK flags', from, version, packet(first('connack'), Buffer.from([code, 0])))
        add('a code of SUBACK', from, version, packet(first('suback'), Buffer.from([0, 1, code])))
      }
      add('CONNACK flags', from, 5, packet(first('connack'), Buffer.from([code, 0, 0])))
    }
  }
}

function flags(add) {
  for (const version of VERSIONS) {
    for (const value of ALL) {
      for (const from of SIDES) {
        for (const body of [Buffer.alloc(0), u16(1), Buffer.from([0, 1, 0x61, 0, 1, 0])]) {
          add('a first byte', from, version, packet(value, body))
        }
      }
      const five = version === 5 ? block() : Buffer.alloc(0)
      const name = text(version === 3 ? 'MQIsdp' : 'MQTT')
      for (const client of ['', 'c']) {
        const body = [name, byte(version), byte(value), u16(0), five, text(client)]
        if (value & 0x04) body.push(five, text('t'), text('p'))
        if (value & 0x80) body.push(text('u'))
        if (value & 0x40) body.push(text('p'))
        add('CONNECT flags', 'client', version, packet(0x10, join(...body)))
      }
      for (const called of ['MQTT', 'MQIsdp']) {
        const rest = (value & 0x7f) === 5 ? block() : Buffer.alloc(0)
        const body = join(text(called), byte(value), byte(2), u16(0), rest, text('c'))
        add('a protocol level', 'client', version, packet(0x10, body))
      }
      for (const filter of ['a', '$share/g/a']) {
        const body = join(u16(1), five, text(filter), byte(value))
        add('subscription options', 'client', version, packet(0x82, body))
      }
    }
  }
}

// Every first byte of a character with every second one, and what makes it whole.
function characters(add) {
  for (const lead of ALL.slice(0x80)) {
    for (const second of [0, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff]) {
      for (const more of ['', '80', 'bf', '8080', 'bfbf', '80c0', '7f80']) {
        const topic = join(byte(lead), byte(second), Buffer.from(more, 'hex'))
        add('a character', 'client', 4, packet(0x30, utf8(topic)))
      }
    }
  }
}

function exhaustive() {
  const out = []
  const add = (what, from, version, bytes) =>
    out.push({ what: 'every case of ' + what, from, version, bytes })
  for (const part of [properties, codes, flags, characters]) part(add)
  return out
}

module.exports = { exhaustive }
