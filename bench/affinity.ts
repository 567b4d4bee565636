// The gain of session affinity in a simulated fleet and its cost per request: `npm run bench:affinity`. No
// sockets; time in the fleet is virtual, so its figures are the same on every machine.

import { systemClock } from '../src/kernel/clock.ts'
import { scanBody } from '../src/kernel/json/body-scan.ts'
import { HeadMemory } from '../src/routing/affinity/head-memory.ts'
import { SessionKeys } from '../src/routing/affinity/key-sources.ts'
import { SessionAffinity } from '../src/routing/affinity/session-affinity.ts'
import { LocalSessionStore } from '../src/routing/affinity/session-store.ts'
import { firstBytes, noAffinity, type PolicyFactory, prefixChain } from './affinity/policies.ts'
import { candidatesFor, fleetScenario, mixedScenario, type Scenario, simulate } from './affinity/simulate.ts'

const policies: readonly PolicyFactory[] = [
  noAffinity,
  firstBytes,
  (parts) => prefixChain(parts, 1.25),
  (parts) => prefixChain(parts, 1.5),
  (parts) => prefixChain(parts, 0),
]

const percent = (part: number) => `${(part * 100).toFixed(1)} %`
const milliseconds = (ms: number) => `${Math.round(ms).toLocaleString('en')} ms`

function row(cells: readonly (string | number)[]): string {
  return `| ${cells.join(' | ')} |`
}

function printFleet(scenario: Scenario): void {
  console.log(`\n${scenario.name}\n`)
  console.log(
    row([
      '',
      'prompt tokens from the cache',
      "busiest endpoint's requests",
      'mean first token',
      'p95 first token',
    ]),
  )
  console.log(row(['---', '---:', '---:', '---:', '---:']))
  for (const policy of policies) {
    const result = simulate(scenario, policy)
    console.log(
      row([
        result.policy,
        percent(result.hitRate),
        percent(result.busiestShare),
        milliseconds(result.meanFirstTokenMs),
        milliseconds(result.p95FirstTokenMs),
      ]),
    )
  }
}

/** A chat of turns of about 650 bytes, optionally with the line breaks and quotes of source code. */
function chat(bytes: number, isCode: boolean): Buffer {
  const line = isCode ? 'const value = read("name")\n  ' : 'some words that a person would say, and more. '
  const messages = [{ role: 'system', content: 'You are an assistant.' }]
  for (let turn = 0; JSON.stringify(messages).length < bytes - 300; turn++) {
    messages.push({
      role: turn % 2 === 0 ? 'user' : 'assistant',
      content: `${turn} ${line.repeat(30).slice(0, 600)}`,
    })
  }
  return Buffer.from(JSON.stringify({ model: 'llama3.2:3b', stream: true, messages }))
}

/** Microseconds of CPU of one call: the minimum of several rounds, since other processes use the machine too. */
function microseconds(call: () => void, calls: number): string {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < 9; round++) {
    const before = process.cpuUsage()
    for (let at = 0; at < calls; at++) call()
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, (user + system) / calls)
  }
  return best.toFixed(1)
}

function printCost(): void {
  const keys = new SessionKeys({ sources: ['session_header', 'prefix_hash'], blockBytes: 512 })
  const affinity = new SessionAffinity(
    {
      store: new LocalSessionStore({ clock: systemClock, maxSessions: 10_000, idleTtlMs: 600_000 }),
      heads: new HeadMemory(systemClock, 600_000),
      load: { inFlight: () => 0, share: () => 1, penalty: () => 0, admits: () => true },
    },
    { priorityTiers: true, loadBound: 1.5 },
  )
  const candidates = candidatesFor(4)
  console.log('\nCPU per request, µs\n')
  console.log(row(['body', 'scan for routing (always)', 'key, choice and binding', 'with a session header']))
  console.log(row(['---', '---:', '---:', '---:']))
  for (const isCode of [false, true]) {
    for (const bytes of [1_000, 16_000, 130_000]) {
      const body = chat(bytes, isCode)
      const request = (rawHeaders: readonly string[]) => () => {
        const path = '/v1/chat/completions'
        const from = { rawHeaders, path, body, model: 'llama3.2:3b', clientAddress: '127.0.0.1' }
        const key = keys.read(from, () => true)
        affinity.answered(key, affinity.decide(key, candidates, undefined), 0, 200)
      }
      const calls = Math.ceil(20_000_000 / (body.length + 2_000))
      console.log(
        row([
          `${Math.round(body.length / 1000)} KB of ${isCode ? 'code' : 'prose'}`,
          microseconds(() => scanBody(body), calls),
          microseconds(request([]), calls),
          microseconds(request(['X-Olla-Session-ID', 'my-session']), calls),
        ]),
      )
    }
  }
}

const { endpoints, cacheConversations } = fleetScenario
console.log(
  `${endpoints} endpoints, each with a prefix cache for ${cacheConversations} conversations; one system prompt for all`,
)
printFleet(fleetScenario)
printFleet(mixedScenario)
printCost()
