// One conversation of the npm client through the gateway. Arguments: a JSON object. It prints a JSON
// object with what it saw, and ends with 0 where nothing failed.
'use strict'
const fs = require('fs')
const mqtt = require('mqtt')

const given = JSON.parse(process.argv[2])
const options = {
  protocolVersion: given.version,
  protocolId: given.version === 3 ? 'MQIsdp' : 'MQTT',
  clientId: 'node-' + given.version,
  reconnectPeriod: 0,
  connectTimeout: 20000,
  ca: fs.readFileSync(given.ca),
  cert: fs.readFileSync(given.cert),
  key: fs.readFileSync(given.key),
  servername: 'localhost'
}

async function main () {
  const client = await mqtt.connectAsync('mqtts://127.0.0.1:' + given.port, options)
  const seen = []
  client.on('message', (topic, payload, packet) => {
    seen.push({ topic, qos: packet.qos, size: payload.length, text: payload.toString().slice(0, 20) })
  })
  const granted = await client.subscribeAsync('node/#', { qos: 2 })
  for (const qos of [0, 1, 2]) {
    await client.publishAsync('node/' + qos, 'hello ' + qos, { qos })
    await client.publishAsync('node/' + qos, Buffer.alloc(given.large, 120), { qos })
  }
  const result = { granted: granted.map(one => one.qos), refused: null }
  try {
    await client.publishAsync('refused/x', 'x', { qos: 1 })
  } catch (error) {
    result.refused = error.code
  }
  try {
    const answer = await client.subscribeAsync('refused/#', { qos: 1 })
    result.refusedFilter = answer.map(one => one.qos)
  } catch (error) {
    result.refusedFilter = error.message
  }
  const end = Date.now() + 20000
  while (seen.length < 6 && Date.now() < end) await new Promise(resolve => setTimeout(resolve, 10))
  await client.endAsync()
  console.log(JSON.stringify({ ...result, seen }))
}

main().catch(error => {
  console.error(error)
  process.exit(1)
})
