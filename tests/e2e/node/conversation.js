// One scripted conversation of several npm clients with a broker, direct or through the gateway.
// Arguments: a JSON object { version, url, ca, cert, key, password }. It prints what every client saw, in
// the order in which it saw it: { client: { packets, events, answers } }. Ends with 0 where the script came
// to its end.
//
// Every step waits for what it must bring about, so that two runs differ only where the other end does.
'use strict'
const crypto = require('crypto')
const fs = require('fs')
const mqtt = require('mqtt')

const given = JSON.parse(process.argv[2])
const { version } = given
const five = version === 5
const BOUND = 30000
const LARGE = Buffer.alloc(50000, 'payload ')

const seen = {}

const short = bytes => bytes.length <= 64
  ? bytes.toString('latin1')
  : `${bytes.length} bytes, ${crypto.createHash('sha256').update(bytes).digest('hex')}`
const plain = value => JSON.parse(JSON.stringify(value, (_, inner) =>
  inner && inner.type === 'Buffer' ? { bytes: short(Buffer.from(inner.data)) } : inner))

// What a packet says, without what belongs to its bytes only.
function describe (packet) {
  const { cmd, topic, payload, length, ...rest } = packet
  const out = { ...plain(rest), packet: cmd }
  for (const key of ['qos', 'dup', 'retain']) if (cmd !== 'publish') delete out[key]
  if (cmd === 'publish') Object.assign(out, { topic, payload: short(payload) })
  return out
}

// A client that writes down what happens to it.
class Witness {
  constructor (name, options = {}) {
    this.name = name
    this.log = seen[name] = seen[name] || []
    this.mark = this.log.length
    this.client = mqtt.connect(given.url, {
      protocolVersion: version,
      protocolId: version === 3 ? 'MQIsdp' : 'MQTT',
      clientId: name,
      keepalive: 60,
      reconnectPeriod: 0,
      connectTimeout: BOUND,
      // Identifiers from 1 on, instead of from anywhere.
      messageIdProvider: new mqtt.UniqueMessageIdProvider(),
      ...(given.ca ? { ca: fs.readFileSync(given.ca), cert: fs.readFileSync(given.cert), key: fs.readFileSync(given.key), servername: 'localhost' } : {}),
      ...options
    })
    this.client.on('packetreceive', packet => this.note(describe(packet)))
    this.client.on('message', (topic, payload) => this.note({ event: 'message', topic, payload: short(payload) }))
    this.client.on('error', error => this.note({ event: 'error', code: error.code, message: error.message }))
    for (const event of ['connect', 'close']) this.client.once(event, () => this.note({ event }))
  }

  note (what) {
    this.log.push(plain(what))
  }

  // Waits until `count` of these have been seen since the client was made.
  async until (test, count = 1) {
    const end = Date.now() + BOUND
    while (this.log.slice(this.mark).filter(test).length < count) {
      if (Date.now() > end) {
        throw new Error(`${this.name} waits for ${count} of ${test}; it saw ${JSON.stringify(this.log, null, 1)}`)
      }
      await new Promise(resolve => setTimeout(resolve, 2))
    }
    return this
  }

  event (name) {
    return this.until(one => one.event === name)
  }

  messages (count) {
    return this.until(one => one.event === 'message', count)
  }

  // What became of a request.
  async ask (what, work) {
    try {
      const answer = await work()
      this.note({ asked: what, answer: answer && answer.cmd ? describe(answer) : answer })
    } catch (error) {
      this.note({ asked: what, refused: error.message, code: error.code })
    }
  }

  publish (topic, payload, options = {}) {
    return this.ask('publish ' + topic, () => this.client.publishAsync(topic, payload, options))
  }

  subscribe (filters, options = {}) {
    return this.ask('subscribe', () => this.client.subscribeAsync(filters, options))
  }

  unsubscribe (filters, options = {}) {
    return this.ask('unsubscribe', () => this.client.unsubscribeAsync(filters, options))
  }

  // To the broker and back: whatever was on its way has arrived before the answer does.
  async ping () {
    const before = this.log.filter(one => one.packet === 'pingresp').length
    this.client.sendPing()
    const end = Date.now() + BOUND
    while (this.log.filter(one => one.packet === 'pingresp').length === before) {
      if (Date.now() > end) throw new Error(`${this.name} has no answer to its PINGREQ`)
      await new Promise(resolve => setTimeout(resolve, 2))
    }
  }

  async end (options = {}) {
    await this.client.endAsync(false, options)
    await this.event('close')
  }

  // As if the cable were cut.
  async cut () {
    this.client.stream.destroy()
    await this.event('close')
  }
}

const connect = (name, options) => new Witness(name, options).event('connect')

const MESSAGE = {
  payloadFormatIndicator: true,
  messageExpiryInterval: 600,
  contentType: 'text/plain',
  responseTopic: 'c/answers/1',
  correlationData: Buffer.from([0, 1, 0xFE, 0xFF]),
  userProperties: { one: '1', two: ['a', 'b'], 'drei ß': '水' }
}
const WILL = {
  topic: 'c/will', payload: Buffer.from('gone'), qos: 1, retain: false, properties: { willDelayInterval: 0, ...MESSAGE }
}

// Publishes and waits until the other has it.
async function deliver (from, to, topic, payload, options) {
  const before = to.log.slice(to.mark).filter(one => one.event === 'message').length
  await from.publish(topic, payload, options)
  await to.messages(before + 1)
}

const steps = {
  async 'subscribe with options, publish with every QoS and all properties' () {
    const watcher = await connect('watcher', { properties: { topicAliasMaximum: 5, receiveMaximum: 10 } })
    await watcher.subscribe({ 'c/+/x': { qos: 2, nl: true, rap: true, rh: 1 }, 'c/one/#': { qos: 1 } },
      { properties: { subscriptionIdentifier: 7, userProperties: { why: 'all' } } })
    await watcher.subscribe('c/one/x', { qos: 0, properties: { subscriptionIdentifier: 268435455 } })
    await watcher.subscribe('$share/group/c/shared', { qos: 1 })
    const actor = await connect('actor', { properties: { requestProblemInformation: true, sessionExpiryInterval: 0 } })
    for (const qos of [0, 1, 2]) {
      await deliver(actor, watcher, 'c/two/x', 'qos ' + qos, { qos, properties: MESSAGE })
      await deliver(actor, watcher, 'c/two/x', LARGE, { qos, retain: qos === 1 })
      await deliver(actor, watcher, 'c/shared', 'shared ' + qos, { qos })
      await deliver(actor, watcher, 'c/two/x', '', { qos, dup: qos > 0 })
    }
    await actor.publish('c/one/x', 'three subscriptions', { qos: 2, properties: MESSAGE })
    await watcher.messages(five ? 14 : 13)
    await watcher.ping()
    await actor.publish('c/nobody', 'nobody listens', { qos: 1 })
    await actor.publish('c/nobody', 'nobody listens', { qos: 2 })
    await watcher.unsubscribe(['c/one/#', 'c/never'], { properties: { userProperties: { why: 'enough' } } })
    await actor.publish('c/one/y', 'not any more', { qos: 1 })
    await watcher.ping()
    await actor.end()
    await watcher.end()
  },

  async 'topic aliases' () {
    if (!five) return
    const watcher = await connect('alias watcher')
    await watcher.subscribe('c/alias/+', { qos: 1 })
    const actor = await connect('alias actor')
    await deliver(actor, watcher, 'c/alias/a', 'set 1', { qos: 0, properties: { topicAlias: 1 } })
    await deliver(actor, watcher, '', 'use 1', { qos: 1, properties: { topicAlias: 1 } })
    await deliver(actor, watcher, 'c/alias/b', 'set 2', { qos: 1, properties: { topicAlias: 2 } })
    await deliver(actor, watcher, '', 'use 2', { qos: 0, properties: { topicAlias: 2 } })
    await deliver(actor, watcher, 'c/alias/c', 'set 1 anew', { qos: 1, properties: { topicAlias: 1 } })
    await deliver(actor, watcher, '', 'use 1', { qos: 1, properties: { topicAlias: 1 } })
    await actor.end()
    await watcher.end()
  },

  async 'retained messages' () {
    const actor = await connect('keeper')
    await actor.publish('c/kept/1', 'kept', { qos: 1, retain: true, properties: MESSAGE })
    await actor.publish('c/kept/2', 'kept, too', { qos: 2, retain: true })
    const late = await connect('late')
    await late.subscribe('c/kept/1', { qos: 2, rh: 0 })
    await late.messages(1)
    await late.subscribe('c/kept/1', { qos: 2, rh: 1 })
    await late.subscribe('c/kept/2', { qos: 1, rh: 2, rap: true })
    await late.ping()
    await deliver(actor, late, 'c/kept/2', 'kept anew', { qos: 1, retain: true })
    await deliver(actor, late, 'c/kept/1', '', { qos: 0, retain: true })
    await deliver(actor, late, 'c/kept/2', '', { qos: 0, retain: true })
    await late.end()
    await actor.end()
  },

  async 'request and response, to itself and not to itself' () {
    const server = await connect('server')
    await server.subscribe('c/requests', { qos: 1 })
    server.client.on('message', (topic, payload, packet) => {
      const { responseTopic, correlationData } = packet.properties || {}
      server.publish(responseTopic || 'c/answers/1', 'answer to ' + payload, { qos: 1, properties: { correlationData } })
    })
    const client = await connect('caller', { properties: { requestResponseInformation: true } })
    await client.subscribe('c/answers/1', { qos: 1, nl: true })
    await deliver(client, client, 'c/requests', 'question', { qos: 1, properties: MESSAGE })
    await client.publish('c/answers/1', 'to myself', { qos: 1 })
    await client.ping()
    await server.until(one => one.asked === 'publish c/answers/1')
    await client.end()
    await server.end()
  },

  async 'Wills' () {
    const watcher = await connect('mourner')
    await watcher.subscribe('c/will', { qos: 2, rap: true })
    const cut = await connect('cut off', { will: WILL })
    await cut.cut()
    await watcher.messages(1)
    const polite = await connect('polite', { will: WILL })
    await polite.end()
    await watcher.ping()
    const retained = await connect('cut off', { will: { ...WILL, qos: 2, retain: true, payload: LARGE.subarray(0, 5000) } })
    await retained.cut()
    await watcher.messages(2)
    if (five) {
      const spoken = await connect('says so', { will: { ...WILL, qos: 0 } })
      await spoken.end({ reasonCode: 4, properties: { reasonString: 'with the Will', userProperties: { a: 'b' } } })
      await watcher.messages(3)
    }
    await watcher.publish('c/will', '', { qos: 0, retain: true })
    await watcher.ping()
    await watcher.end()
  },

  async 'sessions' () {
    const options = { clean: false, properties: { sessionExpiryInterval: 600 } }
    const first = await connect('stays', options)
    await first.subscribe({ 'c/queue/1': { qos: 1 }, 'c/queue/2': { qos: 2 } }, { properties: { subscriptionIdentifier: 9 } })
    await first.end()
    const actor = await connect('fills')
    for (const qos of [1, 2]) {
      for (const text of ['first', 'second']) await actor.publish('c/queue/' + qos, text, { qos, properties: MESSAGE })
    }
    // The broker sends what it has kept right behind CONNACK, so nothing is asked before it is here.
    const second = await connect('stays', options)
    await second.messages(4)
    await second.ping()
    await second.end()
    const third = await connect('stays', { ...options, clean: true })
    await actor.publish('c/queue/1', 'for nobody', { qos: 1 })
    await third.ping()
    await third.end(five ? { properties: { sessionExpiryInterval: 0 } } : {})
    await actor.end()
  },

  // mosquitto closes the first twin's connection.
  async 'takeover' () {
    const first = await connect('twin')
    await first.subscribe('c/twin', { qos: 1 })
    const second = new Witness('twin')
    second.log = seen['the other twin'] = []
    second.mark = 0
    await second.event('connect')
    await first.event('close')
    await second.ping()
    await second.end()
  },

  async 'identifiers' () {
    if (version > 3) {
      const nameless = await connect('', { clean: true })
      await nameless.ping()
      await nameless.end()
    }
    const odd = await connect('ß/水 ' + 'x'.repeat(60), { keepalive: 0 })
    await odd.subscribe(['$SYS/broker/version', '/', '//', 'c/ /+/#'], { qos: 1 })
    await odd.messages(1)
    await odd.publish('c/ //', 'empty levels', { qos: 1 })
    await odd.publish('/', 'root', { qos: 1 })
    await odd.messages(3)
    await odd.ping()
    await odd.end()
  },

  async 'credentials' () {
    const good = await connect('known', { username: 'known', password: given.password })
    await good.ping()
    await good.end()
    const bad = new Witness('known', { username: 'known', password: 'wrong' })
    await bad.event('close')
  }
}

async function main () {
  for (const [name, step] of Object.entries(steps)) {
    try {
      await step()
    } catch (error) {
      throw new Error(`${name}: ${error.stack}`)
    }
  }
  // A request is answered when its promise is, which is some time around the packets next to it; so what
  // is compared are packets in their order, events in theirs, and answers in theirs.
  const sorted = Object.entries(seen).map(([name, log]) => [name, {
    packets: log.filter(one => one.packet),
    events: log.filter(one => one.event),
    answers: log.filter(one => one.asked)
  }])
  console.log(JSON.stringify(Object.fromEntries(sorted)))
}

main().then(() => process.exit(0), error => {
  console.error(error)
  process.exit(1)
})
