// Where the gateway and mqtt-packet differ, and what decides. The run fails on a difference that no
// entry explains, on an entry that nothing needs, and on a packet that both accept although it has a
// defect of this table: what is written here is exact, in both directions.
//
//   kind     lax      mqtt-packet accepts what the gateway refuses
//            early    the gateway refuses what mqtt-packet still waits for the rest of
//            petty    mqtt-packet refuses what the gateway accepts
//            meaning  both accept, and read a field differently
//   checks   the gateway's checks that may stand for it (lax, early)
//   error    what mqtt-packet says (petty)
//   section  what decides, of 5.0 where nothing else is said
//   right    whom it gives right
//   when     is it so? From the bytes and from mqtt-packet's own walk over them, never from what the
//            gateway made of them. For `lax` it is the defect itself.
'use strict'
const { isDeepStrictEqual } = require('util')
const { BY_ID, maySend, mayStand, mayRepeat, reasons, isFilter, SHARE, isShared } = require('./standard')
const {
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
} = require('./evidence')

const lax = []
const entry = (kind, section, name, checks, when, more = {}) => ({
  kind,
  section,
  name,
  checks: [].concat(checks),
  when,
  right: 'the gateway',
  ...more
})
function refuses(section, name, checks, when, more = {}) {
  lax.push(entry('lax', section, name, checks, view => view.packet && when(view), more))
}
const early = []
// What stands in the fixed header is refused with or without the rest of the packet.
function refusesEarly(section, name, checks, when) {
  lax.push(entry('lax', section, name, checks, when))
  early.push(
    entry(
      'early',
      section,
      name + ', before all of it is here',
      checks,
      view => length(view) !== undefined && when(view)
    )
  )
}

// --- the fixed header ---
early.push(
  entry(
    'early',
    '2.1.2',
    'a packet that this side may not send, before all of it is here',
    'mqtt.packet-type',
    view => !maySend(view.from, view.header.type, view.version)
  )
)
refuses(
  '2.1.2',
  'a packet that this side may not send',
  'mqtt.packet-type',
  view => !maySend(view.from, view.header.type, view.version)
)
const dupWithoutQos = view =>
  view.version !== 3 && is(view, 'publish') && (view.header.flags & 0x0e) === 0x08
refuses('[MQTT-3.3.1-2]', 'DUP on QoS 0', 'mqtt.qos', dupWithoutQos)
early.push(
  entry(
    'early',
    '[MQTT-3.3.1-2]',
    'DUP on QoS 0, before all of it is here',
    'mqtt.qos',
    dupWithoutQos
  )
)
refusesEarly(
  '3.12.1, 3.13.1, 3.14.1 (3.1.1), 3.2.1 (3.1.1), 3.4.1 (3.1.1)',
  'longer than the packet always is',
  'mqtt.remaining-length',
  view => fixedLength(view) !== null && length(view) > fixedLength(view)
)
refusesEarly(
  '2.3, and 3.x.2 of each packet',
  'too short for what it must hold',
  'mqtt.remaining-length',
  tooShort
)
refusesEarly(
  '[MQTT-1.5.5-1]',
  'a Remaining Length in more bytes than it needs',
  'mqtt.remaining-length',
  view => five(view) && view.header.minimal === false
)
refusesEarly(
  '3.15.2.1',
  'AUTH with a reason code and without properties',
  'mqtt.remaining-length',
  view => is(view, 'auth') && length(view) === 1
)
early.push(
  entry(
    'early',
    '3.3.2.1',
    'PUBLISH with a topic beyond its end, before all of it is here',
    'mqtt.truncated',
    publishTopicTooLong
  )
)
early.push(
  entry(
    'early',
    '3.3.2.3.1',
    'PUBLISH with properties beyond its end, before all of it is here',
    ['mqtt.truncated', 'mqtt.property-length'],
    publishPropertiesTooLong
  )
)

// --- the body as a whole ---
refuses('1.2 (malformed packet)', 'a field that runs past the end of the packet', 'mqtt.truncated', overran)
refuses(
  '1.2 (malformed packet)',
  'bytes behind the last field',
  'mqtt.trailing-bytes',
  view => !is(view, 'publish') && !view.walk.overran && view.walk.pos < length(view)
)
refuses(
  '3.2.2.2',
  'CONNACK without properties',
  'mqtt.truncated',
  view => five(view) && is(view, 'connack') && length(view) === 2 && view.walk.body.readUInt16BE(0) !== 1
)
refuses(
  '3.9.3, 3.11.3',
  'SUBACK or UNSUBACK without a code',
  'mqtt.truncated',
  view =>
    is(view, 'suback', 'unsuback') && (five(view) || is(view, 'suback')) && view.packet.granted.length === 0
)

// --- strings ---
refuses(
  '[MQTT-1.5.4-1], [MQTT-1.5.3-1 (3.1.1)], 2.5 (3.1)',
  'a string that is not well-formed UTF-8',
  'mqtt.utf8',
  view => strings(view).some(one => !isUtf8(one.bytes))
)
refuses('[MQTT-1.5.4-2], [MQTT-1.5.3-2 (3.1.1)]', 'a string with U+0000', 'mqtt.utf8', view =>
  strings(view).some(one => one.bytes.includes(0))
)
refuses('[MQTT-3.3.2-2], [MQTT-3.3.2-14]', 'a topic name with a wildcard', 'mqtt.topic-name', view =>
  topics(view).some(topic => /[+#]/.test(topic))
)
refuses('[MQTT-4.7.3-1], 3.3.2.1', 'an empty topic name', 'mqtt.topic-name', view =>
  topics(view).includes('')
)
refuses(
  '[MQTT-4.7.1-1], [MQTT-4.7.1-2], [MQTT-4.7.3-1]',
  'a topic filter with a misplaced wildcard, or none',
  'mqtt.topic-filter',
  view =>
    filters(view).some(one =>
      // To 3.x a share without a name and a filter is a filter like any other.
      !isShared(one) || (!five(view) && !SHARE.test(one))
        ? !isFilter(one)
        : SHARE.test(one) && !isFilter(SHARE.exec(one)[1])
    )
)
refuses(
  '[MQTT-4.8.2-1], [MQTT-4.8.2-2]',
  '$share without a name and a filter',
  'mqtt.share-name',
  view => five(view) && badShare(view)
)
// To 3.1.1 it is a filter like any other. Brokers read it there as they do in 5.0, and one crashed at it.
refuses(
  '4.7 (3.1.1)',
  '$share without a name and a filter, in 3.x',
  'mqtt.share-name',
  view => !five(view) && badShare(view),
  { right: 'mqtt-packet' }
)

// --- fields ---
refuses(
  '[MQTT-2.2.1-3], [MQTT-2.2.1-4], [MQTT-2.3.1-1 (3.1.1)], 2.4 (3.1)',
  'a packet identifier of 0',
  'mqtt.packet-identifier',
  view => view.packet.messageId === 0
)
refuses(
  '[MQTT-3.1.2-1], [MQTT-3.1.2-2]',
  'a protocol name with a version that it does not have',
  'mqtt.protocol-version',
  view =>
    is(view, 'connect') &&
    (view.packet.protocolId === 'MQIsdp'
      ? view.packet.protocolVersion !== 3
      : view.packet.protocolVersion === 3 ||
        (view.packet.protocolVersion === 5 && view.packet.bridgeMode === true))
)
refuses(
  '[MQTT-3.1.2-12], [MQTT-3.1.2-14 (3.1.1)]',
  'a Will with QoS 3',
  'mqtt.qos',
  view => is(view, 'connect') && !!view.packet.will && view.packet.will.qos === 3
)
refuses(
  '[MQTT-3.1.2-22 (3.1.1)]',
  'a password without a user name',
  'mqtt.connect-flags',
  view =>
    is(view, 'connect') &&
    !five(view) &&
    view.packet.password !== undefined &&
    view.packet.username === undefined
)
refuses(
  '[MQTT-3.1.3-7 (3.1.1)], [MQTT-3.1.3-8 (3.1.1)], 3.1 (3.1)',
  'an empty client identifier where none may be empty',
  'mqtt.client-id',
  view =>
    is(view, 'connect') &&
    view.packet.clientId === '' &&
    (view.version === 3 || (view.version === 4 && !view.packet.clean))
)
refuses(
  '[MQTT-3.2.2-6]',
  'session present in a CONNACK of 5.0 that refuses',
  'mqtt.connack-flags',
  view =>
    is(view, 'connack') &&
    five(view) &&
    !leftOut(view) &&
    view.packet.sessionPresent &&
    view.packet.reasonCode > 0
)
refuses(
  '[MQTT-3.2.2-4 (3.1.1)]',
  'session present in a CONNACK of 3.1.1 that refuses',
  'mqtt.connack-flags',
  view =>
    is(view, 'connack') && view.version === 4 && view.packet.sessionPresent && view.packet.returnCode > 0
)
refuses(
  '3.2.2.3 (3.1.1)',
  'a return code of CONNACK that is reserved',
  'mqtt.reason-code',
  view => is(view, 'connack') && !five(view) && view.packet.returnCode > 5
)
refuses(
  '[MQTT-3.2.2-8], [MQTT-3.4.2-1], [MQTT-3.5.2-1], [MQTT-3.14.2-1], [MQTT-3.15.2-1]',
  'a reason code that this packet from this side does not have',
  'mqtt.reason-code',
  view =>
    five(view) &&
    is(view, 'connack', 'puback', 'pubrec', 'disconnect', 'auth') &&
    !(leftOut(view) && length(view) !== 1) &&
    !reasons(view.header.type, view.from).includes(view.packet.reasonCode)
)
refuses(
  '[MQTT-3.8.3-4]',
  'No Local on a shared subscription',
  'mqtt.subscription-options',
  view =>
    is(view, 'subscribe') &&
    five(view) &&
    view.packet.subscriptions.some(one => one.nl && SHARE.test(one.topic))
)
refuses(
  '[MQTT-3.8.3-2], [MQTT-3.10.3-2]',
  'a request without a topic filter',
  'mqtt.no-filters',
  view => is(view, 'subscribe', 'unsubscribe') && filters(view).length === 0
)

// --- properties ---
refuses(
  '2.2.2.1, [MQTT-1.5.5-1]',
  'a property length that the properties do not have',
  ['mqtt.property-length', 'mqtt.truncated'],
  view => five(view) && !leftOut(view) && view.walk.blocks.some(block => !blockFits(view, block))
)
refuses('2.2.2.2', 'a property that this packet does not have', 'mqtt.property-unknown', view =>
  someProperty(view, (one, where) => !mayStand(BY_ID.get(one.id), where))
)
refuses('3.1.2.11 and its like for each property', 'a property more than once', 'mqtt.property-twice', view =>
  someProperty(
    view,
    (one, where, before) => !mayRepeat(BY_ID.get(one.id), where) && before.some(other => other.id === one.id)
  )
)
refuses(
  '3.1.2.11.6, 3.1.2.11.7, 3.2.2.3.4, 3.2.2.3.5, 3.3.2.3.2',
  'a flag that is neither 0 nor 1',
  'mqtt.property-value',
  view =>
    someProperty(view, one => ['byte', 'int8'].includes(BY_ID.get(one.id).kind) && raw(view, one)[0] > 1)
)
refuses(
  '3.1.2.11.3, 3.1.2.11.4, 3.2.2.3.3, 3.2.2.3.6, 3.3.2.3.8, 3.8.2.1.2',
  'a number that must not be 0',
  'mqtt.property-value',
  view => someProperty(view, one => BY_ID.get(one.id).zero === false && one.id !== 0x23 && isZero(view, one))
)
refuses(
  '[MQTT-1.5.5-1]',
  'a subscription identifier in more bytes than it needs',
  'mqtt.property-value',
  view =>
    someProperty(view, one => one.id === 0x0b && raw(view, one).length > 1 && raw(view, one).at(-1) === 0)
)
refuses('[MQTT-3.3.2-8]', 'a topic alias of 0', 'mqtt.topic-alias', view =>
  someProperty(view, one => one.id === 0x23 && isZero(view, one))
)
refuses(
  '3.1.2.11.10',
  'authentication data without a method',
  'mqtt.auth-method',
  view =>
    is(view, 'connect') &&
    five(view) &&
    someProperty(view, (one, where) => where === 'connect' && one.id === 0x16) &&
    !someProperty(view, (one, where) => where === 'connect' && one.id === 0x15)
)
refuses(
  '3.15.2.2.2',
  'AUTH without a method',
  'mqtt.auth-method',
  view => is(view, 'auth') && length(view) > 0 && !someProperty(view, one => one.id === 0x15)
)

// --- what mqtt-packet refuses ---
const petty = []
function accepts(section, name, error, when) {
  petty.push(entry('petty', section, name, [], when, { error }))
}

// Of these three QoS 1 has a meaning. Of PUBLISH every flag has.
const withQos = view => is(view, 'pubrel', 'subscribe', 'unsubscribe')
accepts(
  '2.1, 3.6, 3.8, 3.10 (3.1)',
  'DUP and RETAIN on PUBREL, SUBSCRIBE and UNSUBSCRIBE of 3.1',
  /Invalid header flag bits, must be 0x2/,
  view =>
    view.version === 3 && withQos(view) && (view.header.flags & 0x06) === 0x02 && view.header.flags !== 0x02
)
accepts(
  '3.1 to 3.14 (3.1)',
  'flags of other packets of 3.1, which are not used',
  /Invalid header flag bits, must be 0x0/,
  view =>
    (is(view, 'connect') ? announcedLevel(view) === 3 : view.version === 3) &&
    !withQos(view) &&
    !is(view, 'publish') &&
    view.header.flags !== 0
)
accepts(
  '3.1 (3.1), [MQTT-2.1.3-1]',
  'flags of a CONNECT that is not all here, so that nobody knows whether it is of 3.1',
  /Invalid header flag bits, must be 0x0/,
  view => is(view, 'connect') && view.header.flags !== 0 && announcedLevel(view) === undefined
)
accepts(
  '3.8 (3.1)',
  'bits beside the QoS that a SUBSCRIBE of 3.1 asks for, which are not used',
  /Invalid subscribe topic flag bits, bits 7-2 must be 0/,
  view => view.version === 3 && is(view, 'subscribe')
)
accepts(
  '3.9 (3.1)',
  'bits beside the QoS that a SUBACK of 3.1 grants, which are not used',
  /Invalid suback QoS/,
  view => view.version === 3 && is(view, 'suback')
)
accepts(
  '3.1 (3.1)',
  'the lowest bit of the CONNECT flags of 3.1',
  /Connect flag bit 0 must be 0/,
  view => connectLevel(view) === 3 && (connectFlags(view) & 0x01) === 1
)
accepts(
  '3.1 (3.1)',
  'Will QoS or Will Retain without a Will in 3.1',
  /^Will (QoS|Retain Flag) must be set to zero/,
  view => connectLevel(view) === 3 && (connectFlags(view) & 0x04) === 0 && (connectFlags(view) & 0x38) !== 0
)
accepts(
  '3.1 (3.1)',
  'a user name or password that 3.1 announces and does not have',
  /Cannot parse (username|password)/,
  view => connectLevel(view) === 3 && (connectFlags(view) & 0xc0) !== 0 && view.walk.overran
)
accepts(
  '3.2 (3.1)',
  'the first byte of CONNACK of 3.1, which has no meaning',
  /Invalid connack flags/,
  view => view.version === 3 && is(view, 'connack')
)
accepts(
  '2.1.4',
  'an end that is left out, where mqtt-packet reads on in the next packet',
  /./,
  view => five(view) && leftOut(view) && view.walk.pos > length(view)
)
accepts(
  '2.4',
  'DISCONNECT of 0x8C from the broker',
  /Invalid disconnect reason code/,
  view => is(view, 'disconnect') && view.from === 'broker' && view.walk.body[0] === 0x8c
)
accepts(
  '3.15.2.1',
  'AUTH of success without a word',
  /Invalid auth reason code/,
  view => is(view, 'auth') && view.from === 'broker' && length(view) === 0
)

// --- what mqtt-packet reads differently ---
const meaning = []
function means(section, name, when) {
  meaning.push(entry('meaning', section, name, [], when))
}

means(
  '3.1.2.11.8 and its like',
  'a user property that is empty and comes again by the same name, which mqtt-packet forgets',
  view => view.path.endsWith('properties.38') && isDeepStrictEqual(view.theirs, forgetful(view.ours))
)
means(
  '2.1.4',
  'an end that is left out, where mqtt-packet has read on in the next packet',
  view => five(view) && leftOut(view) && view.walk.pos > length(view)
)
means(
  '3.8.3.4 (3.1.1)',
  'the options of 5.0 that mqtt-packet adds for a bridge of 3.x',
  view =>
    view.bridge &&
    !five(view) &&
    view.path === 'filters' &&
    isDeepStrictEqual(
      view.theirs,
      view.ours.map(one => ({ ...one, options: one.options | 0x0c }))
    )
)
means(
  '3.2 (3.1)',
  'the first byte of CONNACK of 3.1, which is not used',
  view =>
    is(view, 'connack') &&
    view.version === 3 &&
    view.path === 'sessionPresent' &&
    view.ours === false &&
    view.theirs === true
)
means(
  '3.2.2.3 (3.1.1)',
  'what a broker of 3.1.1 answers to a client of 5.0',
  view =>
    is(view, 'connack') &&
    five(view) &&
    view.path === 'code' &&
    length(view) === 2 &&
    view.theirs === 1 &&
    view.ours === 0x84
)

const DISAGREEMENTS = [...lax, ...early, ...petty, ...meaning].map(one => ({
  ...one,
  check: view => (one.error ? one.error.test(view.error) : one.checks.includes(view.check))
}))

module.exports = { DISAGREEMENTS }
