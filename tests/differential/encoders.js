// The other direction: what the gateway's encoders make, mqtt-packet reads with the meaning intended;
// and so does the gateway's own decoder.
'use strict'
const { isDeepStrictEqual } = require('util')
const oracle = require('./oracle')
const { generate } = require('./generate')
const { ACKS, TYPES, PROPERTIES, BY_ID, reasons } = require('./standard')

const TIMES = 60 // for each rewrite and version
const VERSIONS = [3, 4, 5]

// 3.2.2.3 (3.1.1): what comes nearest to a reason code of 5.0.
const RETURN_CODES = {
  0x00: 0,
  0x84: 1,
  0x85: 2,
  0x88: 3,
  0x89: 3,
  0x8b: 3,
  0x97: 3,
  0x9f: 3,
  0x86: 4,
  0x8c: 4
}

// A case: { what, from, version, request, meaning }; `meaning` in the words of the probe.
function own() {
  const out = []
  const add = (what, from, version, request, meaning) =>
    out.push({ what, from, version, request: { do: what, version, ...request }, meaning })
  const properties = {}
  for (const version of VERSIONS) {
    for (const reason of reasons('connack')) {
      for (const present of [false, true]) {
        const code = version === 5 ? reason : (RETURN_CODES[reason] ?? 5)
        const sessionPresent = present && reason === 0 && version !== 3
        add(
          'connack',
          'broker',
          version,
          { reason, sessionPresent: present },
          {
            type: 'connack',
            code,
            sessionPresent,
            properties,
            receiveMaximum: 65535,
            maximumQos: 2,
            retainAvailable: true,
            topicAliasMaximum: 0
          }
        )
      }
    }
    for (const type of ACKS) {
      for (const from of ['client', 'broker']) {
        for (const reason of reasons(type, from)) {
          add(
            'ack',
            from,
            version,
            { type: TYPES.indexOf(type), packetId: 0x1234, reason },
            { type, packetId: 0x1234, reason: version === 5 ? reason : 0, properties }
          )
        }
      }
    }
    for (const count of [1, 2, 12, 200, 20000]) {
      const all = version === 5 ? reasons('suback') : [0, 1, 2, 0x80]
      const codes = Array.from({ length: count }, (_, i) => all[i % all.length])
      add(
        'suback',
        'broker',
        version,
        { type: 9, packetId: 65535, codes },
        { type: 'suback', packetId: 65535, codes: oracle.hex(codes), properties }
      )
      const unsubscribed = Array.from({ length: count }, (_, i) => reasons('unsuback')[i % 7])
      add(
        'suback',
        'broker',
        version,
        { type: 11, packetId: 1, codes: unsubscribed },
        { type: 'unsuback', packetId: 1, codes: version === 5 ? oracle.hex(unsubscribed) : '', properties }
      )
    }
    add('pingreq', 'client', version, {}, { type: 'pingreq' })
    add('pingresp', 'broker', version, {}, { type: 'pingresp' })
  }
  for (const from of ['client', 'broker']) {
    for (const reason of reasons('disconnect', from).filter(code => code !== 0x8c)) {
      add('disconnect', from, 5, { reason }, { type: 'disconnect', reason, properties })
    }
  }
  return out
}

// A valid packet, and mqtt-packet's reading of it.
function given(generator, type, from, version) {
  const { bytes } = generate(generator, { type, from, version })
  return { bytes: oracle.hex(bytes), packet: oracle.read(bytes, version).packets[0].packet }
}

function rewrites(random, generator) {
  generator.emptyValues = false // mqtt-packet forgets some of them: see disagreements.js
  const out = []
  const add = (what, from, version, { bytes }, request, packet) =>
    out.push({
      what,
      from,
      version,
      request: { do: what, version, from, bytes, ...request },
      meaning: oracle.words(packet)
    })
  for (const version of VERSIONS) {
    for (let i = 0; i < TIMES; ++i) {
      const publish = given(generator, 'publish', 'client', version)
      const topic = generator.topic()
      add('rewrite_publish_topic', 'client', version, publish, { topic }, { ...publish.packet, topic })

      const subscribe = given(generator, 'subscribe', 'client', version)
      const keep = subscribe.packet.subscriptions.map(() => random.chance(0.5))
      keep[random.below(keep.length)] = true
      add(
        'rewrite_subscribe',
        'client',
        version,
        subscribe,
        { keep },
        { ...subscribe.packet, subscriptions: subscribe.packet.subscriptions.filter((_, at) => keep[at]) }
      )

      for (const type of version === 5 ? ['suback', 'unsuback'] : ['suback']) {
        const suback = given(generator, type, 'broker', version)
        const codes = generator.granted(version === 5 ? reasons(type) : [0, 1, 2, 0x80])
        add('rewrite_suback', 'broker', version, suback, { codes }, { ...suback.packet, granted: codes })
      }
    }
  }
  for (const [type, from] of [
    ['connect', 'client'],
    ['connack', 'broker']
  ]) {
    const integers = PROPERTIES.filter(
      one => one.places && one.places.includes(type) && /int|byte/.test(one.kind)
    )
    for (let i = 0; i < 2 * TIMES; ++i) {
      const { bytes, packet } = given(generator, type, from, 5)
      const changes = random.some(integers, 0.5).map(one => [one.id, +generator.value(one)])
      const properties = { ...packet.properties }
      for (const [id, value] of changes) {
        const { name, kind } = BY_ID.get(id)
        properties[name] = kind === 'byte' ? value !== 0 : value
      }
      add('rewrite_properties', from, 5, { bytes }, { changes }, { ...packet, properties })
    }
  }
  return out
}

// `probe` answers requests; `result` takes the name of a test and whether it passed.
function checkEncoders(probe, random, generator, result) {
  const cases = [...own(), ...rewrites(random, generator)]
  const made = probe(cases.map(one => one.request)).map(one => one.bytes)
  const decoded = probe(
    cases.map(({ from, version }, i) => ({ do: 'decode', from, version, bytes: made[i] ?? '' }))
  )
  const groups = new Map()
  cases.forEach(({ what, version, request, meaning }, i) => {
    const name = `what ${what} makes, of ${{ 3: '3.1', 4: '3.1.1', 5: '5.0' }[version]}`
    const bad = groups.get(name) || groups.set(name, []).get(name)
    const theirs = oracle.read(Buffer.from(made[i] ?? '', 'hex'), version)
    const read = theirs.packets.map(({ packet }) => oracle.words(packet))
    const own = JSON.stringify(decoded[i].packets.map(oracle.normal))
    const same =
      theirs.end === 'whole' &&
      decoded[i].end === 'whole' &&
      isDeepStrictEqual(read.map(oracle.normal), [oracle.normal(meaning)]) &&
      isDeepStrictEqual(decoded[i].packets.map(oracle.normal), [oracle.normal(meaning)])
    if (!same) {
      bad.push(
        `  ${JSON.stringify(request)}\n    made: ${made[i]}\n    intended: ${JSON.stringify(meaning)}\n` +
          `    theirs: ${theirs.end} ${theirs.error || ''} ${JSON.stringify(read)}\n    ours: ${own}`
      )
    }
  })
  for (const [name, bad] of groups)
    result(name, bad.length === 0, `${bad.slice(0, 3).join('\n')}\n  ${bad.length} of these`)
  return cases.length
}

module.exports = { checkEncoders }
