// mqtt-packet as the oracle: what it makes of bytes, in the same words as the probe's, and how it
// walked over them to get there. The walk is what the table of disagreements argues with.
'use strict'
const Parser = require('mqtt-packet/parser')
const { PROPERTIES } = require('./standard')

// mqtt-packet has null for a string that is not there in full.
const hex = value => (value === null ? null : Buffer.from(value).toString('hex'))

// The parser, unchanged, with a note taken of every read.
class Walking extends Parser {
  constructor() {
    super()
    this.walks = []
    this.walk = this.block = null
    this.misses = 0
  }

  _parsePayload() {
    const enough = this.packet.length === 0 || this._list.length >= this.packet.length
    if (enough) {
      this.walk = {
        body: this._list.slice(0, this.packet.length),
        strings: [], // { at, end, bytes }: where the text stands, without its length
        blocks: [], // { at, start, end, stopped, properties: [{ at, end, id, whole }] }
        overran: false, // it read, or wanted to read, beyond the end of the packet
        pos: 0
      }
      this.walks.push(this.walk)
    }
    const done = super._parsePayload()
    if (enough) {
      this.look()
      this.walk.pos = this._pos
      this.walk = null
    }
    return done
  }

  // Where it stands now; `missing`: what it wanted to read was not there.
  look(missing = false) {
    if (missing) this.misses += 1
    if (this.walk && (missing || this._pos > this.packet.length)) this.walk.overran = true
  }

  _parseString() {
    const at = this._pos + 2
    const text = super._parseString()
    this.look(text === null)
    if (this.walk && text !== null) {
      this.walk.strings.push({ at, end: this._pos, bytes: this._list.slice(at, this._pos), text })
    }
    return text
  }

  _parseBuffer() {
    const value = super._parseBuffer()
    this.look(value === null)
    return value
  }

  _parseNum() {
    const value = super._parseNum()
    this.look(value === -1)
    return value
  }

  _parse4ByteNum() {
    const value = super._parse4ByteNum()
    this.look(value === -1)
    return value
  }

  _parseByte() {
    const value = super._parseByte()
    this.look(value === undefined)
    return value
  }

  _parseVarByteNum(full) {
    const value = super._parseVarByteNum(full)
    this.look(!full && value === false)
    return value
  }

  _parseByType(kind) {
    const at = this._pos - 1
    const before = this.misses
    const value = super._parseByType(kind)
    if (this.block) {
      this.block.properties.push({
        at,
        end: this._pos,
        id: this._list.readUInt8(at),
        whole: this.misses === before
      })
    }
    return value
  }

  _parseProperties() {
    const block = { at: this._pos, start: 0, end: 0, stopped: 0, properties: [] }
    const length = this.peekLength()
    block.start = block.at + length.bytes
    block.end = block.start + length.value
    this.block = block
    const result = super._parseProperties()
    this.block = null
    block.stopped = this._pos
    if (this.walk) this.walk.blocks.push(block)
    return result
  }

  // The variable byte integer ahead, as it stands there.
  peekLength() {
    let value = 0
    for (let bytes = 0; bytes < 4; ++bytes) {
      if (this._pos + bytes >= this._list.length) break
      const byte = this._list.readUInt8(this._pos + bytes)
      value += (byte & 0x7f) * 0x80 ** bytes
      if (byte < 0x80) return { value, bytes: bytes + 1 }
    }
    return { value: 0, bytes: 0 }
  }
}

// --- the same words as the probe's ---

function property(one, value) {
  if (one.kind === 'pair') {
    return Object.keys(value).flatMap(name => [].concat(value[name]).map(text => [hex(name), hex(text)]))
  }
  const isBytes = each => each === null || typeof each === 'string' || Buffer.isBuffer(each)
  return [].concat(value).map(each => (isBytes(each) ? hex(each) : +each))
}

function properties(given = {}) {
  const out = {}
  for (const one of PROPERTIES) {
    if (given[one.name] !== undefined) out[one.id] = property(one, given[one.name])
  }
  return out
}

// Without what is undefined, so that absent is absent.
const only = object => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))
const text = value => (value === undefined ? undefined : hex(value))

function connect(packet) {
  const given = packet.properties || {}
  const will =
    packet.will &&
    only({
      topic: hex(packet.will.topic),
      payloadSize: packet.will.payload.length,
      qos: packet.will.qos,
      retain: packet.will.retain,
      responseTopic: text((packet.will.properties || {}).responseTopic),
      properties: properties(packet.will.properties)
    })
  return only({
    version: packet.protocolVersion,
    bridge: packet.bridgeMode === true,
    clean: packet.clean,
    keepAlive: packet.keepalive,
    clientId: hex(packet.clientId),
    username: text(packet.username),
    password: packet.password !== undefined,
    // 3.1.2.11: what holds where the property is absent
    sessionExpiry: given.sessionExpiryInterval || 0,
    receiveMaximum: given.receiveMaximum === undefined ? 65535 : given.receiveMaximum,
    maximumPacketSize: given.maximumPacketSize,
    topicAliasMaximum: given.topicAliasMaximum || 0,
    problemInformation: given.requestProblemInformation !== false,
    responseInformation: given.requestResponseInformation === true,
    authenticationMethod: text(given.authenticationMethod),
    will,
    properties: properties(given)
  })
}

function connack(packet) {
  const given = packet.properties || {}
  return only({
    sessionPresent: packet.sessionPresent,
    code: packet.reasonCode === undefined ? packet.returnCode : packet.reasonCode,
    // 3.2.2.3: what holds where the property is absent
    receiveMaximum: given.receiveMaximum === undefined ? 65535 : given.receiveMaximum,
    maximumQos: given.maximumQoS === undefined ? 2 : given.maximumQoS,
    retainAvailable: given.retainAvailable !== false,
    maximumPacketSize: given.maximumPacketSize,
    assignedClientId: text(given.assignedClientIdentifier),
    topicAliasMaximum: given.topicAliasMaximum || 0,
    serverKeepAlive: given.serverKeepAlive,
    authenticationMethod: text(given.authenticationMethod),
    properties: properties(given)
  })
}

function publish(packet) {
  const given = packet.properties || {}
  return only({
    dup: packet.dup,
    retain: packet.retain,
    qos: packet.qos,
    packetId: packet.qos > 0 ? packet.messageId : 0,
    topicAlias: given.topicAlias || 0,
    topic: hex(packet.topic),
    responseTopic: text(given.responseTopic),
    payload: hex(packet.payload),
    payloadSize: packet.payload.length,
    properties: properties(given)
  })
}

function requests(packet) {
  const filters = packet.subscriptions
    ? packet.subscriptions.map(one => ({
        filter: hex(one.topic),
        options: one.qos | (one.nl ? 4 : 0) | (one.rap ? 8 : 0) | ((one.rh || 0) << 4)
      }))
    : packet.unsubscriptions.map(one => ({ filter: hex(one) }))
  return {
    packetId: packet.messageId,
    subscriptionId: (packet.properties || {}).subscriptionIdentifier || 0,
    count: filters.length,
    filters,
    properties: properties(packet.properties)
  }
}

function acknowledgement(packet) {
  return {
    packetId: packet.messageId,
    reason: packet.reasonCode || 0,
    properties: properties(packet.properties)
  }
}

const WORDS = {
  connect,
  connack,
  publish,
  puback: acknowledgement,
  pubrec: acknowledgement,
  pubrel: acknowledgement,
  pubcomp: acknowledgement,
  subscribe: requests,
  unsubscribe: requests,
  suback: packet => ({
    packetId: packet.messageId,
    codes: hex(packet.granted),
    properties: properties(packet.properties)
  }),
  unsuback: packet => ({
    packetId: packet.messageId,
    codes: hex(packet.granted || []),
    properties: properties(packet.properties)
  }),
  pingreq: () => ({}),
  pingresp: () => ({}),
  disconnect: packet =>
    only({
      reason: packet.reasonCode || 0,
      sessionExpiry: (packet.properties || {}).sessionExpiryInterval,
      properties: properties(packet.properties)
    }),
  auth: packet =>
    only({
      reason: packet.reasonCode,
      authenticationMethod: text((packet.properties || {}).authenticationMethod),
      properties: properties(packet.properties)
    })
}

const words = packet => ({ type: packet.cmd, ...WORDS[packet.cmd](packet) })

// User properties by name, as mqtt-packet has them: the order among names is not kept.
function byName(properties) {
  for (const one of Object.values(properties)) {
    if (one && one['38']) one['38'].sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0))
  }
}
function normal(packet) {
  byName({ own: packet.properties, will: packet.will && packet.will.properties })
  return packet
}

// What mqtt-packet makes of all of `bytes`:
//   { packets: [{ packet, walk }], end: 'whole' | 'incomplete' | 'refused', error, walk }
// The last `walk` is of the packet that was refused, if its body was reached.
function read(bytes, version) {
  const parser = new Walking().parser({ protocolVersion: version })
  const out = { packets: [], end: 'whole' }
  parser.on('packet', packet => out.packets.push({ packet, walk: parser.walks[parser.walks.length - 1] }))
  parser.on('error', error => {
    out.error = out.error || error.message
  })
  try {
    parser.parse(bytes)
  } catch (error) {
    out.error = 'throws ' + error.message
  }
  if (out.error) {
    out.end = 'refused'
    out.walk = parser.walks[out.packets.length]
  } else if (parser._list.length > 0 || parser._stateCounter !== 0) {
    out.end = 'incomplete'
  }
  return out
}

module.exports = { read, words, normal, hex }
