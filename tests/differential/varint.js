// A variable byte integer. 1.5.5
'use strict'

function varint(value) {
  const out = []
  do {
    out.push((value & 0x7f) | (value > 0x7f ? 0x80 : 0))
    value = Math.floor(value / 128)
  } while (value > 0)
  return Buffer.from(out)
}

module.exports = { varint }
