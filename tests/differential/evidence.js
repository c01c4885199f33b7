// What the table of disagreements argues with: questions to the bytes of a packet and to mqtt-packet's
// own walk over them. A view has `header`, `bytes` and `rest` of the packet, `from`, `version` and
// `bridge`, and where mqtt-packet got that far its `walk` (see oracle.js) and its `packet`.
'use strict'
const { ACKS, BY_ID, placeOf, isShared, SHARE } = require('./standard')

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
function isUtf8(bytes) {
  try {
    decoder.decode(bytes)
    return true
  } catch {
    return false
  }
}

const is = (view, ...types) => types.includes(view.header.type)
const five = view => view.version === 5
const length = view => view.header.length

// --- strings ---
const strings = view => view.walk.strings.filter(one => one.end <= view.walk.body.length)
const properties = view => view.packet.properties || {}
function topics(view) {
  const { packet } = view
  const out = []
  if (packet.cmd === 'publish' && (packet.topic !== '' || !properties(view).topicAlias))
    out.push(packet.topic)
  if (packet.will) out.push(packet.will.topic)
  for (const one of [properties(view), (packet.will || {}).properties || {}]) {
    if (one.responseTopic !== undefined) out.push(...[].concat(one.responseTopic))
  }
  return out
}
function filters({ packet }) {
  return packet.subscriptions ? packet.subscriptions.map(one => one.topic) : packet.unsubscriptions || []
}

const badShare = view => filters(view).some(one => isShared(one) && !SHARE.test(one))

// --- lengths ---
// The fields that must be there take at least so many bytes.
const LEAST = {
  connect: [12, 12, 12],
  connack: [2, 2, 2],
  publish: [2, 2, 3],
  puback: [2, 2, 2],
  pubrec: [2, 2, 2],
  pubrel: [2, 2, 2],
  pubcomp: [2, 2, 2],
  subscribe: [2, 2, 3],
  suback: [3, 3, 4],
  unsubscribe: [2, 2, 3],
  unsuback: [2, 2, 4]
}
function least(view) {
  const packetId = is(view, 'publish') && view.header.flags & 6 ? 2 : 0
  return (LEAST[view.header.type] || [0, 0, 0])[view.version - 3] + packetId
}
const tooShort = view => length(view) < least(view)
// What may be left out of the end of a packet of 5.0, although mqtt-packet looks for it. 3.14.2.1, 3.15.2.1
const leftOut = view =>
  (is(view, 'disconnect') && length(view) < 2) ||
  (is(view, 'auth') && length(view) === 0) ||
  (is(view, 'connack') && length(view) === 2)
const overran = view => view.walk.overran && !leftOut(view)
const fixedLength = view =>
  is(view, 'pingreq', 'pingresp') || (!five(view) && is(view, 'disconnect'))
    ? 0
    : !five(view) && is(view, 'connack', 'unsuback', ...ACKS)
      ? 2
      : null
// The topic that a PUBLISH announces does not fit into what it announces of itself.
function publishTopicTooLong(view) {
  const { header, bytes } = view
  const at = header.at + header.size
  return (
    is(view, 'publish') &&
    at + 2 <= bytes.length &&
    !tooShort(view) &&
    least(view) + bytes.readUInt16BE(at) > length(view)
  )
}
// Nor do its properties, whose length is there or cannot be.
function publishPropertiesTooLong(view) {
  const { header, bytes } = view
  if (!five(view) || !is(view, 'publish') || publishTopicTooLong(view)) return false
  const start = header.at + header.size
  const end = start + length(view)
  if (start + 2 > bytes.length) return false
  const at = start + 2 + bytes.readUInt16BE(start) + (header.flags & 6 ? 2 : 0)
  let value = 0
  for (let i = 0; i < 4; ++i) {
    if (at + i >= end) return true
    if (at + i >= bytes.length) return false
    value += (bytes[at + i] & 0x7f) * 0x80 ** i
    if (bytes[at + i] < 0x80) return at + i + 1 + value > end || (i > 0 && bytes[at + i] === 0)
  }
  return true
}

// --- properties ---
const place = (view, index) => (index > 0 ? 'will' : placeOf(view.header.type, view.from))
function someProperty(view, test) {
  return (
    five(view) &&
    !leftOut(view) &&
    view.walk.blocks.some((block, index) =>
      block.properties.some((one, i) => test(one, place(view, index), block.properties.slice(0, i)))
    )
  )
}
const raw = (view, one) => view.walk.body.subarray(one.at + 1, one.end)
const isZero = (view, one) =>
  raw(view, one).every(byte => (BY_ID.get(one.id).kind === 'var' ? byte & 0x7f : byte) === 0)
const blockFits = (view, block) =>
  block.start > block.at &&
  block.stopped === block.end &&
  block.end <= view.walk.body.length &&
  block.properties.every(one => one.whole && one.end <= block.end) &&
  (block.start === block.at + 1 || view.walk.body[block.start - 1] !== 0)

// --- CONNECT ---
// Its level and flags, by where the protocol name ends.
const behindName = view => (is(view, 'connect') ? 2 + view.walk.body.readUInt16BE(0) : NaN)
const connectLevel = view => (is(view, 'connect') ? view.walk.body[behindName(view)] & 0x7f : undefined)
// The same where mqtt-packet has not looked into the packet; undefined where it is not all here.
function announcedLevel(view) {
  const { header, bytes, rest } = view
  if (header.length === undefined || rest < header.size + header.length || header.length < 2) return undefined
  const body = bytes.subarray(header.at + header.size, header.at + header.size + header.length)
  const level = body[2 + body.readUInt16BE(0)]
  return level === undefined ? undefined : level & 0x7f
}
const connectFlags = view => view.walk.body[behindName(view) + 1]

// --- mqtt-packet's memory ---
// User properties as mqtt-packet keeps them: an empty value gives way to the next one of the same name.
function forgetful(pairs) {
  const kept = new Map()
  for (const [name, value] of pairs) {
    const before = kept.get(name)
    kept.set(name, before === undefined || before === '' ? value : [].concat(before, value))
  }
  return [...kept].flatMap(([name, values]) => [].concat(values).map(value => [name, value]))
}

module.exports = {
  isUtf8,
  is,
  five,
  length,
  strings,
  topics,
  filters,
  tooShort,
  leftOut,
  overran,
  fixedLength,
  publishTopicTooLong,
  publishPropertiesTooLong,
  someProperty,
  raw,
  isZero,
  blockFits,
  badShare,
  connectLevel,
  announcedLevel,
  connectFlags,
  forgetful
}
