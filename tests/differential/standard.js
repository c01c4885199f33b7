// What the generator and the table of disagreements know of the standard, written down here once
// more and not taken from the gateway. Sections are those of MQTT 5.0 where nothing else is said.
'use strict'

const TYPES = [
  'reserved',
  'connect',
  'connack',
  'publish',
  'puback',
  'pubrec',
  'pubrel',
  'pubcomp',
  'subscribe',
  'suback',
  'unsubscribe',
  'unsuback',
  'pingreq',
  'pingresp',
  'disconnect',
  'auth'
]
const ACKS = ['puback', 'pubrec', 'pubrel', 'pubcomp']

// 2.1.2, table 2-1: who may send what.
function maySend(from, type, version) {
  if (type === 'reserved') return false
  if (type === 'auth') return version === 5
  if (type === 'disconnect') return from === 'client' || version === 5
  if (['connect', 'subscribe', 'unsubscribe', 'pingreq'].includes(type)) return from === 'client'
  if (['connack', 'suback', 'unsuback', 'pingresp'].includes(type)) return from === 'broker'
  return true
}

// 2.2.2.2, table 2-4, with what the sections of the packets say of directions. `zero: false`: 0 is a
// protocol error; `many`: where it may stand more than once (user properties: everywhere).
const PUBLISH = ['publish client', 'publish broker']
const DISCONNECT = ['disconnect client', 'disconnect broker']
const PROPERTIES = [
  { id: 0x01, name: 'payloadFormatIndicator', kind: 'byte', places: [...PUBLISH, 'will'] },
  { id: 0x02, name: 'messageExpiryInterval', kind: 'int32', places: [...PUBLISH, 'will'] },
  { id: 0x03, name: 'contentType', kind: 'string', places: [...PUBLISH, 'will'] },
  { id: 0x08, name: 'responseTopic', kind: 'topic', places: [...PUBLISH, 'will'] },
  { id: 0x09, name: 'correlationData', kind: 'binary', places: [...PUBLISH, 'will'] },
  {
    id: 0x0b,
    name: 'subscriptionIdentifier',
    kind: 'var',
    places: ['publish broker', 'subscribe'],
    zero: false,
    many: ['publish broker']
  },
  {
    id: 0x11,
    name: 'sessionExpiryInterval',
    kind: 'int32',
    places: ['connect', 'connack', 'disconnect client']
  },
  { id: 0x12, name: 'assignedClientIdentifier', kind: 'string', places: ['connack'] },
  { id: 0x13, name: 'serverKeepAlive', kind: 'int16', places: ['connack'] },
  { id: 0x15, name: 'authenticationMethod', kind: 'string', places: ['connect', 'connack', 'auth'] },
  { id: 0x16, name: 'authenticationData', kind: 'binary', places: ['connect', 'connack', 'auth'] },
  { id: 0x17, name: 'requestProblemInformation', kind: 'byte', places: ['connect'] },
  { id: 0x18, name: 'willDelayInterval', kind: 'int32', places: ['will'] },
  { id: 0x19, name: 'requestResponseInformation', kind: 'byte', places: ['connect'] },
  { id: 0x1a, name: 'responseInformation', kind: 'string', places: ['connack'] },
  { id: 0x1c, name: 'serverReference', kind: 'string', places: ['connack', 'disconnect broker'] },
  {
    id: 0x1f,
    name: 'reasonString',
    kind: 'string',
    places: ['connack', ...ACKS, 'suback', 'unsuback', ...DISCONNECT, 'auth']
  },
  { id: 0x21, name: 'receiveMaximum', kind: 'int16', places: ['connect', 'connack'], zero: false },
  { id: 0x22, name: 'topicAliasMaximum', kind: 'int16', places: ['connect', 'connack'] },
  { id: 0x23, name: 'topicAlias', kind: 'int16', places: PUBLISH, zero: false },
  { id: 0x24, name: 'maximumQoS', kind: 'int8', most: 1, places: ['connack'] },
  { id: 0x25, name: 'retainAvailable', kind: 'byte', places: ['connack'] },
  { id: 0x26, name: 'userProperties', kind: 'pair', places: null },
  { id: 0x27, name: 'maximumPacketSize', kind: 'int32', places: ['connect', 'connack'], zero: false },
  { id: 0x28, name: 'wildcardSubscriptionAvailable', kind: 'byte', places: ['connack'] },
  { id: 0x29, name: 'subscriptionIdentifiersAvailable', kind: 'byte', places: ['connack'] },
  { id: 0x2a, name: 'sharedSubscriptionAvailable', kind: 'byte', places: ['connack'] }
]
const BY_ID = new Map(PROPERTIES.map(one => [one.id, one]))

const mayStand = (property, place) => property.places === null || property.places.includes(place)
const mayRepeat = (property, place) => property.places === null || (property.many || []).includes(place)

// The place of a packet's property block, in the words of the table above.
function placeOf(type, from) {
  return type === 'publish' || type === 'disconnect' ? type + ' ' + from : type
}

// 3.2.2.2, 3.4.2.1, 3.5.2.1, 3.6.2.1, 3.7.2.1, 3.9.3, 3.11.3, 3.14.2.1 (with 2.4), 3.15.2.1
const PUB = [0x00, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]
const REL = [0x00, 0x92]
const BYE = [0x00, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99]
const REASONS = {
  connack: [
    0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99,
    0x9a, 0x9b, 0x9c, 0x9d, 0x9f
  ],
  'puback client': PUB,
  'puback broker': [0x10, ...PUB],
  'pubrec client': PUB,
  'pubrec broker': [0x10, ...PUB],
  pubrel: REL,
  pubcomp: REL,
  suback: [0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2],
  unsuback: [0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91],
  'disconnect client': [0x04, ...BYE],
  'disconnect broker': [
    ...BYE,
    0x87,
    0x89,
    0x8b,
    0x8c,
    0x8d,
    0x8e,
    0x8f,
    0x9a,
    0x9b,
    0x9c,
    0x9d,
    0x9e,
    0x9f,
    0xa0,
    0xa1,
    0xa2
  ],
  'auth client': [0x18, 0x19],
  'auth broker': [0x00, 0x18]
}
const reasons = (type, from) => REASONS[type] || REASONS[type + ' ' + from]

// 4.7.1, 4.7.3: a wildcard takes a whole level, `#` only the last one; at least one character.
const FILTER = /^(?:(?:[^+#/]*|\+)\/)*(?:[^+#/]*|\+|#)$/s
const isFilter = text => text !== '' && FILTER.test(text)
// 4.8.2: `$share/`, a name of at least one character without `/`, `+`, `#`, and a filter.
const SHARE = /^\$share\/[^/+#]+\/(.+)$/s
const isShared = text => text.startsWith('$share/')

module.exports = {
  TYPES,
  ACKS,
  maySend,
  PROPERTIES,
  BY_ID,
  mayStand,
  mayRepeat,
  placeOf,
  reasons,
  isFilter,
  SHARE,
  isShared
}
