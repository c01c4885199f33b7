// Packets that others have written down, through a whole session of the gateway: what is valid comes out
// on the other side byte for byte and nothing of it is refused; of what is malformed nothing comes out.
//
// Two sources: the tests that mqtt-packet ships, recorded as its own parser gets them, and sequences of
// several packets that stand in descriptions of bugs and of conformance tests, written down here.
'use strict'
const Module = require('module')
const path = require('path')
const { EventEmitter } = require('events')
const { SEQUENCES } = require('./sequences')

// One of the tests is about the largest packet that there is, 256 MiB: too much for a line of JSON.
const LARGEST = 4 * 1024 * 1024

// Runs mqtt-packet's own tests with a test library that only calls them, and notes what goes into its
// parser and what becomes of it.
function record() {
  const cases = []
  const folder = path.dirname(require.resolve('mqtt-packet/package.json'))
  const mqtt = require('mqtt-packet')
  const parser = mqtt.parser
  const load = Module._load
  const silent = new Proxy(function () {}, { get: () => () => true, apply: () => undefined })
  let name = ''
  const tape = (title, run) => {
    name = title
    try {
      run(silent)
    } catch {
      // What a test does beside parsing is not the question.
    }
  }
  tape.skip = tape.only = tape
  mqtt.parser = options => {
    const real = parser(options)
    const level = (options && options.protocolVersion) || 4
    const note = { name, level, bytes: [], packets: 0, packet: null, error: null }
    cases.push(note)
    const heard = new EventEmitter()
    real.on('packet', packet => {
      note.packets += 1
      note.packet = { ...packet }
      note.level = packet.protocolVersion || note.level
      heard.emit('packet', packet)
    })
    real.on('error', error => {
      note.error = error.message
      heard.emit('error', error)
    })
    heard.on('error', () => {})
    heard.parse = bytes => {
      note.bytes.push(Buffer.from(bytes))
      return real.parse(bytes)
    }
    return heard
  }
  Module._load = function (request, parent, isMain) {
    if (request === 'tape') return tape
    if (request === './' && parent && parent.filename === path.join(folder, 'test.js')) return mqtt
    return load.call(this, request, parent, isMain)
  }
  try {
    load.call(Module, path.join(folder, 'test.js'), module, false)
  } finally {
    Module._load = load
    mqtt.parser = parser
  }
  return cases
    .map(({ name, level, bytes, packets, packet, error }) => ({
      what: `mqtt-packet: ${name}`,
      version: level & 0x7f,
      bytes: Buffer.concat(bytes),
      packet,
      valid: error === null && packets > 0
    }))
    .filter(one => one.bytes.length > 0 && one.bytes.length <= LARGEST)
}

// A module runs once, and so do the tests in it.
let corpus = null
const recorded = () => (corpus ??= record())

// --- through a session ---
const { u16, utf8, packet, varint } = require('./bytes')
const TYPE = { connect: 1, connack: 2, publish: 3, suback: 9, unsuback: 11, auth: 15 }
const text = value => utf8(Buffer.from(value))
const block = (version, properties) =>
  version < 5 ? Buffer.alloc(0) : Buffer.concat([varint(properties.length), properties])

// The client asks for all that an answer may hold, and keeps its session.
function setup(version, method = null, assigned = false) {
  const property = (id, value) => Buffer.concat([Buffer.from([id]), value])
  const named = method === null ? [] : [property(0x15, text(method))]
  const asked = Buffer.concat([
    property(0x11, Buffer.from([0, 0, 1, 0])),
    property(0x19, Buffer.from([1])),
    property(0x22, u16(0xffff)),
    ...named
  ])
  const name = assigned ? [property(0x12, text('assigned'))] : []
  const told = Buffer.concat([property(0x22, u16(0xffff)), ...name, ...named])
  const connect = Buffer.concat([
    text(version === 3 ? 'MQIsdp' : 'MQTT'),
    Buffer.from([version, 0]),
    u16(60),
    block(version, asked),
    text('c1')
  ])
  return {
    connect: packet(0x10, connect),
    connack: packet(0x20, Buffer.concat([Buffer.from([0, 0]), block(version, told)]))
  }
}

const other = side => (side === 'client' ? 'broker' : 'client')
const step = (from, bytes) => ({ from, bytes: bytes.toString('hex') })

// The size of the first `count` packets.
function sizeOf(bytes, count) {
  let at = 0
  for (let i = 0; i < count; ++i) {
    let length = 0
    let size = 1
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at + size++]
      length += (byte & 0x7f) * factor
      if (byte < 0x80) break
    }
    at += size + length
  }
  return at
}

// How a recorded packet comes to a session: what stands before it, and the side that sends it.
function scenes(one) {
  const first = one.bytes[0] >> 4
  const method = /authenticationMethod/.test(JSON.stringify(one.packet || {})) ? one.packet.properties.authenticationMethod : null
  // The broker names the client of a CONNECT, which may have left that to it.
  const { connect, connack } = setup(one.version, method, one.version === 5 && first === TYPE.connect)
  if (first === TYPE.connect) return [{ from: 'client', before: [], after: [step('broker', connack)] }]
  if (first === TYPE.connack) return [{ from: 'broker', before: [step('client', connect)], after: [] }]
  const before = [step('client', connect), step('broker', connack)]
  return ['client', 'broker'].map(from => ({ from, before, after: [] }))
}

// Plays all of them, and calls `result(name, good, text)` for each source. `probe` answers requests,
// `decode` says what the decoders alone make of bytes: run.js holds that against mqtt-packet.
function checkCorpora(probe, decode, result) {
  const tries = recorded().flatMap(one => scenes(one).map(scene => ({ ...one, ...scene })))
  const decoded = decode(tries)
  const whole = probe(tries.map(({ before, from, bytes, after }) => ({ do: 'play', steps: [...before, step(from, bytes), ...after] })))
  const start = probe(tries.map(({ before }) => ({ do: 'play', steps: before })))
  const bad = []
  const mended = []
  let valid = 0
  tries.forEach((one, i) => {
    const to = other(one.from)
    const out = Buffer.from(whole[i][to].slice(start[i][to].length), 'hex')
    const refused = whole[i].refusals.slice(start[i].refusals.length)
    const say = why => bad.push(`  ${one.what}, from the ${one.from} of ${one.version}: ${why}\n    ${one.bytes.toString('hex').slice(0, 400)}\n    ${JSON.stringify(whole[i]).slice(0, 400)}`)
    if (decoded[i].end === 'incomplete') {
      if (!out.equals(one.bytes.subarray(0, out.length))) say('something else came out')
    } else if (decoded[i].end === 'whole') {
      valid += 1
      if (!out.equals(one.bytes)) say('a valid packet did not come out as it was')
      if (refused.some(name => !name.endsWith(' report'))) say('a valid packet was refused')
    } else {
      // For what is malformed a client gets a DISCONNECT or CONNACK of the gateway's own.
      const good = one.bytes.subarray(0, sizeOf(one.bytes, decoded[i].packets.length)).toString('hex')
      const behind = out.toString('hex').slice(good.length)
      const answers = one.version === 5 ? /^(e001..|200300..00)?$/ : /^(2002000[1-5])?$/
      const own = to === 'client' ? answers : /^$/
      const silent = out.toString('hex').startsWith(good) && own.test(behind)
      const tolerated = to === 'client' && refused.length !== 0 && refused.every(name => name.endsWith(' report'))
      if (!silent && to === 'broker') say('something malformed came out')
      if (!silent && !tolerated && to === 'client') mended.push({ ...one, bytes: out, say })
      if (refused.length === 0) say('nobody was told')
    }
  })
  // What is wrong in an answer of the broker's is taken out of it, and the rest is as it must be.
  decode(mended).forEach((found, i) => {
    if (found.end !== 'whole') mended[i].say('something malformed came out')
  })
  result('packets of mqtt-packet through a session', bad.length === 0 && valid > 100, bad.slice(0, 5).join('\n') + `\n  ${bad.length} of these, ${valid} valid`)
  for (const one of SEQUENCES) checkSequence(probe, one, result)
  return { recorded: tries.length, valid, sequences: SEQUENCES.length }
}

// A sequence: every step but a last one that ends the session comes out as it went in.
function checkSequence(probe, { what, version, steps, ends }, result) {
  const { connect, connack } = setup(version)
  const before = [step('client', connect), step('broker', connack)]
  const [start, whole] = probe([
    { do: 'play', steps: before },
    { do: 'play', steps: [...before, ...steps.map(one => step(one.from, one.data))] }
  ])
  const passing = ends === null ? steps : steps.slice(0, -1)
  const wanted = { client: start.client, broker: start.broker }
  for (const one of passing) wanted[other(one.from)] += one.data.toString('hex')
  const refusals = ends === null ? [] : [`${ends} disconnect`]
  // A client of 5.0 is told why, behind what it got.
  const told = ends !== null && version === 5 ? whole.client.slice(0, -6) : whole.client
  const good =
    whole.broker === wanted.broker &&
    told === wanted.client &&
    JSON.stringify(whole.refusals) === JSON.stringify(refusals) &&
    (ends === null || whole.closed)
  result(`${what} (${version})`, good, `  ${JSON.stringify(whole)}\n  wanted ${JSON.stringify({ ...wanted, refusals })}`)
}

module.exports = { checkCorpora, recorded }
