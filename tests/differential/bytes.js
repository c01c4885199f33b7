// What packets are made of.
'use strict'

// A variable byte integer. 1.5.5
function varint(value) {
  const out = []
  do {
    out.push((value & 0x7f) | (value > 0x7f ? 0x80 : 0))
    value = Math.floor(value / 128)
  } while (value > 0)
  return Buffer.from(out)
}

const u16 = value => Buffer.from([(value >> 8) & 0xff, value & 0xff])
const utf8 = bytes => Buffer.concat([u16(bytes.length), bytes])

// The packet with this body and a Remaining Length that fits it.
const packet = (first, body) => Buffer.concat([Buffer.from([first]), varint(body.length), body])

module.exports = { varint, u16, utf8, packet }
