#!/usr/bin/env node
// Compares the gateway's decoders and encoders with mqtt-packet, an implementation that shares nothing
// with it, over packets that a seed decides.
//
//   tests/differential/run.js --probe BUILD/tests/differential/probe [OPTION...]
//
//   --seed N      other packets
//   --valid N     valid packets of each type, side and version
//   --mutated N   mutations of each of those kinds
//   --show N      how many of a kind's failures are printed
//   --classes     print how often each entry of disagreements.js was needed
//
// Needs Node.js 18. The last line says "N passed, N failed".
'use strict'
const { spawnSync } = require('child_process')
const fs = require('fs')
const path = require('path')
const { parseArgs } = require('util')

const options = parseArgs({
  options: {
    probe: { type: 'string' },
    seed: { type: 'string', default: '20240229' },
    valid: { type: 'string', default: '120' },
    mutated: { type: 'string', default: '1500' },
    show: { type: 'string', default: '3' },
    classes: { type: 'boolean', default: false }
  }
}).values

// mqtt-packet is fetched once, as it is locked. What cannot be fetched cannot be compared: that fails.
function install() {
  const stamp = path.join(__dirname, 'node_modules', '.package-lock.json')
  const lock = path.join(__dirname, 'package-lock.json')
  if (fs.existsSync(stamp) && fs.statSync(stamp).mtimeMs >= fs.statSync(lock).mtimeMs) return
  console.log('differential: fetching mqtt-packet')
  const done = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'], {
    cwd: __dirname,
    stdio: ['ignore', 'inherit', 'inherit']
  })
  if (done.status !== 0) fail('mqtt-packet could not be fetched')
}

function fail(why) {
  console.log(`differential: ${why}\n0 passed, 1 failed`)
  process.exit(1)
}

for (const number of ['seed', 'valid', 'mutated', 'show']) {
  if (!/^[0-9]{1,9}$/.test(options[number])) fail(`--${number} is a number, and not "${options[number]}"`)
}
if (options.valid === '0') fail('--valid must be at least 1: mutations start from valid packets')
if (!options.probe) fail('--probe is missing: where is the build?')
install()

const { Random } = require('./random')
const { Generator, SIDES, VERSIONS, kinds, generate, stream, BY_HAND } = require('./generate')
const { mutate } = require('./mutate')
const { exhaustive } = require('./exhaustive')
const { compare } = require('./compare')
const { DISAGREEMENTS } = require('./disagreements')
const { checkEncoders } = require('./encoders')
const { checkCorpora, recorded } = require('./corpora')
const oracle = require('./oracle')

const results = { passed: 0, failed: 0 }
function result(name, good, text = '') {
  results[good ? 'passed' : 'failed'] += 1
  if (!good) console.log(`FAILED: ${name}\n${text}`)
}
const name = ({ type, from, version }) =>
  `${type} of ${{ 3: '3.1', 4: '3.1.1', 5: '5.0' }[version]} from the ${from}`

// Asks the probe, one line for each request.
const AT_A_TIME = 20000
function probe(requests) {
  const done = spawnSync(options.probe, {
    input: requests.map(one => JSON.stringify(one)).join('\n') + '\n',
    maxBuffer: 1 << 30,
    env: { ...process.env, UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1' }
  })
  const lines = (done.stdout || '').toString().split('\n').slice(0, -1)
  if (done.status !== 0 || lines.length !== requests.length) {
    fail(
      `the probe ended with ${done.status ?? done.signal ?? done.error} at request ${lines.length}: ` +
        `${JSON.stringify(requests[lines.length])}\n${done.stderr}`
    )
  }
  return lines.map(line => JSON.parse(line))
}
const decode = cases =>
  probe(cases.map(({ from, version, bytes }) => ({ do: 'decode', from, version, bytes: oracle.hex(bytes) })))

const seed = Number(options.seed)
const random = new Random(seed)
const generator = new Generator(random)

// --- the cases ---
const valid = BY_HAND.map(one => ({ ...one, what: `by hand, ${one.why}` }))
for (const kind of kinds()) {
  for (let i = 0; i < Number(options.valid); ++i) {
    valid.push({ ...generate(generator, kind), what: name(kind) })
  }
}
for (const version of VERSIONS) {
  for (const from of SIDES) {
    for (let i = 0; i < Number(options.valid); ++i) {
      valid.push({
        ...stream(generator, from, version),
        what: name({ type: 'several packets', from, version })
      })
    }
  }
}
// Mutations start from what the oracle can walk over.
const mutated = []
for (const kind of kinds()) {
  const bases = valid
    .filter(one => one.type === kind.type && one.from === kind.from && one.version === kind.version)
    .map(one => ({ ...one, read: oracle.read(one.bytes, one.version) }))
    .filter(one => one.read.end === 'whole' && one.read.packets.length === 1)
    .map(one => ({ ...one, walk: one.read.packets[0].walk }))
  const others = valid.filter(
    one => one.type !== 'stream' && one.from === kind.from && one.version === kind.version
  )
  for (let i = 0; i < Number(options.mutated); ++i) {
    mutated.push({
      ...mutate(random, generator, random.pick(bases), random.pick(others)),
      what: 'mutated ' + name(kind)
    })
  }
}
const all = exhaustive()
console.log(
  `differential: seed ${seed}, ${valid.length} valid packets, ${mutated.length} mutated ones, ` +
    `${all.length} that are systematic`
)

// --- what becomes of them ---
const totals = { equal: 0, 'both refuse': 0, 'both wait': 0 }
const hits = new Map(DISAGREEMENTS.map(one => [one, 0]))
const groups = new Map()
function judge(cases, mustBeValid) {
  for (let at = 0; at < cases.length; at += AT_A_TIME) {
    judgeSome(cases.slice(at, at + AT_A_TIME), mustBeValid)
  }
}
function judgeSome(cases, mustBeValid) {
  decode(cases).forEach((ours, i) => {
    const one = cases[i]
    const bad = groups.get(one.what) || groups.set(one.what, []).get(one.what)
    const theirs = oracle.read(one.bytes, one.version)
    const verdict = compare(one, ours, theirs)
    for (const entry of verdict.entries) hits.set(entry, hits.get(entry) + 1)
    if (verdict.agreement) totals[verdict.agreement] += 1
    if (ours.shortcut) verdict.unexplained.push(ours.shortcut)
    if (mustBeValid && (ours.end !== 'whole' || ours.packets.length !== (one.count || 1))) {
      verdict.unexplained.push('a valid packet is refused')
    }
    if (verdict.unexplained.length > 0) {
      bad.push(
        `  ${oracle.hex(one.bytes)}${one.mutation ? ` (${one.mutation}, as from the ${one.from} of ${one.version})` : ''}\n` +
          verdict.unexplained.map(text => `    ${text}\n`).join('') +
          `    ours: ${JSON.stringify(ours)}\n    theirs: ${theirs.end} ${theirs.error || ''} ` +
          JSON.stringify(theirs.packets.map(({ packet }) => packet))
      )
    }
  })
}
judge(valid, true)
judge(mutated, false)
judge(all, false)
// What its own tests feed mqtt-packet with, as whoever may send it.
const corpus = recorded().flatMap(one => SIDES.map(from => ({ ...one, from })))
judge(corpus, false)

for (const [what, bad] of groups) {
  result(what, bad.length === 0, `${bad.slice(0, Number(options.show)).join('\n')}\n  ${bad.length} of these`)
}
let disagreements = 0
for (const [entry, count] of hits) {
  disagreements += count
  result(`the entry "${entry.name}" is needed`, count > 0, '  nothing in this run hits it')
}
const made = checkEncoders(probe, random, generator, result)
const played = checkCorpora(probe, decode, result)
console.log(
  `differential: ${played.recorded} packets of mqtt-packet's tests and ${played.sequences} sequences ` +
    `through a session, ${played.valid} of the packets valid`
)

console.log(
  `differential: ${Object.entries(totals)
    .map(([what, count]) => `${what}: ${count}`)
    .join(', ')}, ` +
    `differences that the table names: ${disagreements} in ${hits.size} classes, made by the encoders: ${made}`
)
if (options.classes) {
  for (const [entry, count] of hits)
    console.log(`  ${count}\t${entry.kind}\t${entry.right}\t${entry.section}\t${entry.name}`)
}
console.log(`${results.passed} passed, ${results.failed} failed`)
process.exitCode = results.passed > 0 && results.failed === 0 ? 0 : 1
