// Random choices that repeat: the same seed gives the same packets on every machine.
'use strict'

class Random {
  constructor(seed) {
    this.state = seed >>> 0
  }

  // mulberry32: 32 bits of state, every seed is a good one.
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let x = this.state
    x = Math.imul(x ^ (x >>> 15), x | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296
  }

  // A whole number from 0 up to, and without, `end`.
  below(end) {
    return Math.floor(this.next() * end)
  }

  between(least, most) {
    return least + this.below(most - least + 1)
  }

  chance(probability) {
    return this.next() < probability
  }

  pick(list) {
    return list[this.below(list.length)]
  }

  bytes(count) {
    return Buffer.from(Array.from({ length: count }, () => this.below(256)))
  }

  // Each entry with this probability, in the order of the list or in any.
  some(list, probability) {
    const chosen = list.filter(() => this.chance(probability))
    for (let i = chosen.length - 1; i > 0; --i) {
      const j = this.below(i + 1)
      ;[chosen[i], chosen[j]] = [chosen[j], chosen[i]]
    }
    return chosen
  }
}

module.exports = { Random }
