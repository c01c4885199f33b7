// Packets that are not quite what they were. Some mutations know nothing of MQTT; the others take the
// oracle's walk over the packet and change a field, with every length around it put right again.
'use strict'
const { packet, utf8, u16, varint } = require('./bytes')
const { PROPERTIES, reasons } = require('./standard')

function replace(body, at, end, bytes) {
  return Buffer.concat([body.subarray(0, at), bytes, body.subarray(end)])
}

// `bytes` in place of body[at, end), and the property length around it put right.
function edit(walk, at, end, bytes) {
  const block = walk.blocks.find(one => at >= one.start && end <= one.end)
  const body = replace(walk.body, at, end, bytes)
  if (!block) return body
  const size = block.end - block.start + bytes.length - (end - at)
  return replace(body, block.at, block.start, varint(size))
}

// Not well-formed: overlong, surrogates, too high, cut short, a lone continuation. 1.5.4
const BAD_UTF8 = [
  'c080',
  'eda080',
  'edbfbf',
  'f4908080',
  'f8888080',
  'c3',
  'e282',
  'f09f92',
  '80',
  'ff',
  'e08080',
  'f0808080',
  'c1bf',
  '61c328',
  'eda0bdedb280'
]
// Well-formed, and worth a look where topics and identifiers stand.
const WORDS = [
  '',
  '\u0000',
  'a\u0000b',
  '#',
  '+',
  'a/#',
  'a/+/b',
  'a#',
  '+a',
  '#/a',
  'a/#/b',
  '$share',
  '$share/',
  '$share/g',
  '$share/g/',
  '$share//a',
  '$share/+/a',
  '$share/g#/a',
  '$share/g/a',
  '$share/g/#',
  '$share/g/a#',
  '\uFEFF',
  '\uFEFFa',
  '/',
  '\u0001',
  '\uFFFF',
  'MQTT',
  'MQIsdp',
  'mqtt'
]

const INTERESTING = [0, 1, 2, 3, 4, 0x10, 0x7e, 0x7f, 0x80, 0x81, 0x82, 0x8c, 0xc0, 0xfe, 0xff]

// --- mutations that know nothing ---

const blind = {
  'bit flips'(random, { bytes }) {
    const out = Buffer.from(bytes)
    for (let count = random.between(1, 3); count > 0; --count) {
      // More often near the beginning, where the structure is.
      const at = random.below(random.chance(0.6) ? Math.min(out.length, 24) : out.length)
      out[at] ^= 1 << random.below(8)
    }
    return out
  },
  'one byte'(random, { bytes }) {
    const out = Buffer.from(bytes)
    out[random.below(out.length)] = random.chance(0.7) ? random.pick(INTERESTING) : random.below(256)
    return out
  },
  'first byte'(random, { bytes }) {
    const out = Buffer.from(bytes)
    out[0] = random.chance(0.5) ? (out[0] & 0xf0) | random.below(16) : random.below(256)
    return out
  },
  'cut off'(random, { bytes }) {
    return bytes.subarray(0, random.below(bytes.length))
  },
  'bytes behind'(random, { bytes }) {
    return Buffer.concat([bytes, random.bytes(random.between(1, 6))])
  },
  'byte taken out'(random, { bytes }) {
    const at = random.below(bytes.length)
    return replace(bytes, at, at + 1, Buffer.alloc(0))
  },
  'byte put in'(random, { bytes }) {
    const at = random.below(bytes.length + 1)
    return replace(bytes, at, at, random.bytes(1))
  }
}

// --- mutations of the fixed header ---

const header = {
  'Remaining Length off'(random, { bytes, walk }) {
    const length = Math.max(0, walk.body.length + random.pick([-3, -2, -1, 1, 2, 3, 128]))
    return Buffer.concat([bytes.subarray(0, 1), varint(length), walk.body])
  },
  'Remaining Length too long in bytes'(random, { bytes, walk }) {
    const length = [...varint(walk.body.length)]
    const count = random.between(length.length + 1, 5)
    length[length.length - 1] |= 0x80
    while (length.length < count) length.push(0x80)
    if (count < 5 || random.chance(0.5)) length[length.length - 1] = 0
    return Buffer.concat([bytes.subarray(0, 1), Buffer.from(length), walk.body])
  },
  'fixed header alone'(random, { bytes }) {
    return Buffer.concat([bytes.subarray(0, 1), varint(random.pick([0, 1, 2, 3, 4, 127, 128, 268435455]))])
  },
  'body cut'(random, { bytes, walk }) {
    return packet(bytes[0], walk.body.subarray(0, random.below(walk.body.length + 1)))
  },
  'body grown'(random, { bytes, walk }) {
    return packet(bytes[0], Buffer.concat([walk.body, random.bytes(random.between(1, 4))]))
  },
  'body with a byte taken out'(random, { bytes, walk }) {
    if (walk.body.length === 0) return null
    const at = random.below(walk.body.length)
    return packet(bytes[0], replace(walk.body, at, at + 1, Buffer.alloc(0)))
  },
  'body with a byte put in'(random, { bytes, walk }) {
    const at = random.below(walk.body.length + 1)
    return packet(bytes[0], replace(walk.body, at, at, random.bytes(1)))
  }
}

// --- mutations of fields ---

function property(random, generator) {
  const one = random.pick(PROPERTIES)
  const value = generator.value(one)
  const number = { byte: 1, int8: 1, int16: 2, int32: 4 }[one.kind]
  if (number) {
    const out = Buffer.alloc(1 + number)
    out[0] = one.id
    out.writeUIntBE(+value, 1, number)
    return out
  }
  const id = Buffer.from([one.id])
  if (one.kind === 'var') return Buffer.concat([id, varint(value)])
  if (one.kind === 'pair')
    return Buffer.concat([id, utf8(Buffer.from('k')), utf8(Buffer.from(generator.word()))])
  return Buffer.concat([id, utf8(Buffer.from(value))])
}

const fields = {
  'bad UTF-8'(random, { bytes, walk }) {
    if (walk.strings.length === 0) return null
    const one = random.pick(walk.strings)
    const bad = Buffer.from(random.pick(BAD_UTF8), 'hex')
    const text = random.chance(0.5) ? bad : Buffer.concat([one.bytes, bad])
    return packet(bytes[0], edit(walk, one.at - 2, one.end, utf8(text)))
  },
  'another string'(random, { bytes, walk }) {
    if (walk.strings.length === 0) return null
    const one = random.pick(walk.strings)
    return packet(bytes[0], edit(walk, one.at - 2, one.end, utf8(Buffer.from(random.pick(WORDS)))))
  },
  'string length off'(random, { bytes, walk }) {
    if (walk.strings.length === 0) return null
    const one = random.pick(walk.strings)
    const length = Math.max(0, one.end - one.at + random.pick([-2, -1, 1, 2, 300]))
    return packet(bytes[0], replace(walk.body, one.at - 2, one.at, u16(length)))
  },
  'packet identifier 0'(random, { bytes, walk, type }) {
    const none = ['connect', 'connack', 'pingreq', 'pingresp', 'disconnect', 'auth']
    if (none.includes(type) || (type === 'publish' && (bytes[0] & 6) === 0)) return null
    const at = type === 'publish' ? walk.strings[0].end : 0
    return packet(bytes[0], replace(walk.body, at, at + 2, u16(0)))
  },
  'no client identifier'(random, { bytes, walk, type }) {
    if (type !== 'connect') return null
    const one = walk.strings.find(
      (text, i) => i > 0 && !walk.blocks.some(block => text.at >= block.start && text.end <= block.end)
    )
    return packet(bytes[0], edit(walk, one.at - 2, one.end, u16(0)))
  },
  'reason code'(random, { bytes, walk, type, from }) {
    const at =
      { connack: 1, disconnect: 0, auth: 0, suback: walk.body.length - 1, unsuback: walk.body.length - 1 }[
        type
      ] ?? (type.startsWith('pub') && type !== 'publish' ? 2 : -1)
    if (at < 0 || at >= walk.body.length) return null
    const code = random.chance(0.5) ? random.pick(reasons(type, from)) : random.below(256)
    return packet(bytes[0], replace(walk.body, at, at + 1, Buffer.from([code])))
  },
  'CONNACK flags'(random, { bytes, walk, type }) {
    if (type !== 'connack') return null
    return packet(bytes[0], replace(walk.body, 0, 1, Buffer.from([random.below(4)])))
  },
  'CONNECT flags'(random, { bytes, walk, type }) {
    if (type !== 'connect') return null
    const at = walk.strings[0].end + 1
    const flags = random.chance(0.7) ? random.below(256) : walk.body[at] | 0x18
    return packet(bytes[0], replace(walk.body, at, at + 1, Buffer.from([flags])))
  },
  'protocol level'(random, { bytes, walk, type }) {
    if (type !== 'connect') return null
    const at = walk.strings[0].end
    const level = random.pick([0, 2, 3, 4, 5, 6, 0x83, 0x84, 0x85, 0xff])
    return packet(bytes[0], replace(walk.body, at, at + 1, Buffer.from([level])))
  },
  'subscription options'(random, { bytes, walk, type }) {
    if (type !== 'subscribe') return null
    const one = random.pick(walk.strings.filter(text => !walk.blocks.some(block => text.at < block.end)))
    if (!one) return null
    return packet(
      bytes[0],
      replace(
        walk.body,
        one.end,
        one.end + 1,
        random.chance(0.5) ? random.bytes(1) : Buffer.from([4 | random.below(3)])
      )
    )
  }
}

// --- mutations of properties (5.0) ---

function inBlock(random, walk, properties) {
  return walk.blocks.length > 0 && properties
    ? random.pick(walk.blocks.filter(block => block.properties.length >= properties).concat(null))
    : random.pick(walk.blocks.concat(null))
}

const propertyMutations = {
  'property put in'(random, { bytes, walk }, generator) {
    const block = inBlock(random, walk)
    if (!block) return null
    return packet(bytes[0], edit(walk, block.start, block.start, property(random, generator)))
  },
  'property twice'(random, { bytes, walk }) {
    const block = inBlock(random, walk, 1)
    if (!block) return null
    const one = random.pick(block.properties)
    return packet(bytes[0], edit(walk, block.end, block.end, walk.body.subarray(one.at, one.end)))
  },
  'property taken out'(random, { bytes, walk }) {
    const block = inBlock(random, walk, 1)
    if (!block) return null
    const needed = block.properties.find(one => one.id === 0x15) // the authentication method
    const one = needed && random.chance(0.5) ? needed : random.pick(block.properties)
    return packet(bytes[0], edit(walk, one.at, one.end, Buffer.alloc(0)))
  },
  'properties in another order'(random, { bytes, walk }) {
    const block = inBlock(random, walk, 2)
    if (!block) return null
    const all = block.properties.map(one => walk.body.subarray(one.at, one.end))
    return packet(bytes[0], edit(walk, block.start, block.end, Buffer.concat([...all.slice(1), all[0]])))
  },
  'property with another value'(random, { bytes, walk }) {
    const block = inBlock(random, walk, 1)
    if (!block) return null
    const one = random.pick(block.properties)
    const value = Buffer.alloc(one.end - one.at - 1, random.pick([0, 0, 0, 1, 2, 0x7f, 0x80, 0xff]))
    return packet(bytes[0], replace(walk.body, one.at + 1, one.end, value))
  },
  'integer property of 0'(random, { bytes, walk }) {
    const all = walk.blocks
      .flatMap(block => block.properties)
      .filter(one => [0x0b, 0x21, 0x23, 0x27].includes(one.id))
    if (all.length === 0) return null
    const one = random.pick(all)
    return packet(
      bytes[0],
      edit(walk, one.at + 1, one.end, Buffer.alloc(one.id === 0x0b ? 1 : one.end - one.at - 1))
    )
  },
  'property with another identifier'(random, { bytes, walk }) {
    const block = inBlock(random, walk, 1)
    if (!block) return null
    const one = random.pick(block.properties)
    return packet(bytes[0], replace(walk.body, one.at, one.at + 1, Buffer.from([random.below(0x90)])))
  },
  'property length off'(random, { bytes, walk }) {
    const block = inBlock(random, walk)
    if (!block) return null
    const length = Math.max(0, block.end - block.start + random.pick([-2, -1, 1, 2, 200]))
    return packet(bytes[0], replace(walk.body, block.at, block.start, varint(length)))
  },
  'integer too long in bytes'(random, { bytes, walk }) {
    const block = inBlock(random, walk)
    if (!block) return null
    const length = [...varint(block.end - block.start)]
    length[length.length - 1] |= 0x80
    while (random.chance(0.3) && length.length < 5) length.push(0x80)
    return packet(bytes[0], replace(walk.body, block.at, block.start, Buffer.from([...length, 0])))
  },
  'subscription identifier'(random, { bytes, walk }) {
    const block = inBlock(random, walk)
    if (!block) return null
    const value = random.pick(['00', '8000', '808000', 'ffffff7f', 'ffffffff01', '80808000', '01', '80'])
    return packet(bytes[0], edit(walk, block.start, block.start, Buffer.from('0b' + value, 'hex')))
  }
}

// --- mutations of what is around ---

const around = {
  'from the other side'(random, { bytes, from }) {
    return { bytes, from: from === 'client' ? 'broker' : 'client' }
  },
  'in another version'(random, { bytes, version }) {
    return { bytes, version: random.pick([3, 4, 5].filter(other => other !== version)) }
  },
  'another packet behind it'(random, { bytes }, generator, other) {
    return Buffer.concat([bytes, other.bytes])
  }
}

const MUTATIONS = Object.entries({ ...blind, ...header, ...fields, ...propertyMutations, ...around })

// A mutated case of `base` ({ type, from, version, bytes, walk }); `other` is another of the same side
// and version. Mutations that have nothing to change are passed over.
function mutate(random, generator, base, other) {
  for (;;) {
    const [name, change] = random.pick(MUTATIONS)
    const made = change(random, base, generator, other)
    if (made === null || made === undefined) continue
    const changed = Buffer.isBuffer(made) ? { bytes: made } : made
    return { type: base.type, from: base.from, version: base.version, ...changed, mutation: name }
  }
}

module.exports = { mutate }
