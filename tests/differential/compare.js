// Compares two readings of the same bytes, and looks up who is right where they differ.
'use strict'
const { isDeepStrictEqual } = require('util')
const { words, read, normal } = require('./oracle')
const { varint } = require('./bytes')
const { TYPES } = require('./standard')
const { DISAGREEMENTS } = require('./disagreements')

// The fields that differ: [[path, ours, theirs]].
function differences(ours, theirs, path = []) {
  const isObject = value => value !== null && typeof value === 'object' && !Array.isArray(value)
  if (isObject(ours) && isObject(theirs)) {
    return [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].flatMap(key =>
      differences(ours[key], theirs[key], [...path, key])
    )
  }
  return isDeepStrictEqual(ours, theirs) ? [] : [[path.join('.'), ours, theirs]]
}

// The fixed header at `at`, as far as it is there.
function headerAt(bytes, at) {
  const out = { type: TYPES[bytes[at] >> 4], flags: bytes[at] & 0x0f, at, length: undefined, size: 1 }
  let value = 0
  for (let i = 0; i < 4 && at + 1 + i < bytes.length; ++i) {
    value += (bytes[at + 1 + i] & 0x7f) * 0x80 ** i
    if (bytes[at + 1 + i] < 0x80) {
      return { ...out, length: value, size: 2 + i, minimal: i === 0 || bytes[at + 1 + i] !== 0 }
    }
  }
  return { ...out, lengthBytes: bytes.length - at - 1 }
}

// A PUBLISH is decided when its head is here. The oracle waits for the payload; it is asked about the
// same packet without what is missing of that. Null where its head is longer than what is here.
function withoutPayload(view) {
  const { header, bytes } = view
  const body = bytes.subarray(header.at + header.size)
  const whole = Buffer.concat([bytes.subarray(header.at, header.at + 1), varint(body.length), body])
  const theirs = read(whole, view.version)
  const walk = theirs.packets.length > 0 ? theirs.packets[0].walk : theirs.walk
  if (!walk) return null
  const end = walk.blocks.length > 0 ? walk.blocks[0].end : walk.overran ? Infinity : walk.pos
  if (end > body.length) return null
  const packet = theirs.packets.length > 0 ? theirs.packets[0].packet : null
  return { ...view, bytes: whole, header: headerAt(whole, 0), packet, walk }
}

// { agreement } or { entries } that explain a disagreement; `unexplained`: what no entry explains.
function compare({ bytes, from, version }, ours, theirs) {
  const out = { entries: [], unexplained: [], agreement: null }
  let at = 0
  let bridge = false
  for (let i = 0; ; ++i) {
    const header = at < bytes.length ? headerAt(bytes, at) : null
    const mine = i < ours.packets.length ? 'valid' : ours.end
    const other = i < theirs.packets.length ? 'valid' : theirs.end
    if (mine === 'whole' && other === 'whole') {
      out.agreement = out.entries.length === 0 ? 'equal' : null
      return out
    }
    const { packet, walk } = theirs.packets[i] || { packet: null, walk: theirs.walk }
    if (packet && packet.cmd === 'connect') {
      version = packet.protocolVersion
      bridge = packet.bridgeMode === true
    }
    const view = {
      bytes,
      from,
      version,
      bridge,
      header,
      packet,
      walk,
      error: theirs.error,
      rest: bytes.length - at,
      check: mine === 'refused' ? ours.check : null
    }
    const explain = kind =>
      DISAGREEMENTS.filter(one => one.kind === kind && one.check(view) && one.when(view))
    if (mine === 'valid' && other === 'valid') {
      const fields = differences(normal(ours.packets[i]), normal(words(packet)))
      for (const [path, a, b] of fields) {
        const field = { ...view, path, ours: a, theirs: b }
        const known = DISAGREEMENTS.filter(one => one.kind === 'meaning' && one.when(field))
        out.entries.push(...known)
        if (known.length === 0) {
          out.unexplained.push(`${path} differs: ${JSON.stringify(a)}, and theirs ${JSON.stringify(b)}`)
        }
      }
      // What the table calls a defect must not be in what was accepted.
      for (const one of DISAGREEMENTS) {
        if (one.kind === 'lax' && one.when(view)) {
          out.unexplained.push(`accepted, in spite of "${one.name}" (${one.section})`)
        }
      }
      if (ours.packets[i].type === 'connect') version = ours.packets[i].version
      at += header.size + header.length
      if (out.unexplained.length > 0) return out
      continue
    }
    if (mine === other) {
      out.agreement = out.entries.length > 0 ? null : mine === 'refused' ? 'both refuse' : 'both wait'
      return out
    }
    const kind =
      mine === 'refused' ? (other === 'valid' ? 'lax' : 'early') : other === 'refused' ? 'petty' : 'other'
    const known = explain(kind)
    if (kind === 'early' && known.length === 0 && header.type === 'publish') {
      const cut = withoutPayload(view)
      if (cut && !cut.packet) {
        out.agreement = 'both refuse'
        return out
      }
      if (cut)
        known.push(...DISAGREEMENTS.filter(one => one.kind === 'lax' && one.check(cut) && one.when(cut)))
    }
    out.entries.push(...known)
    if (known.length === 0) {
      out.unexplained.push(
        `${kind}: ours is ${mine}${view.check ? ` (${view.check})` : ''}, theirs ${other}` +
          `${view.error ? ` (${view.error})` : ''}`
      )
    }
    return out
  }
}

module.exports = { compare }
