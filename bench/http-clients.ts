/**
 * Compares the gateway's own HTTP/1 client with undici, for `docs/design/http.md`. Run by `npm run bench:clients`;
 * options:
 *
 * - `--seconds 20` of each CPU measurement
 * - `--streams 500` held open for memory, `--rounds 3` fresh processes for each client
 * - `--only cpu,memory,keep-alive`
 * - `--against sherpa` compares the sherpa engine instead of `http_client: undici`
 */
import { availableParallelism, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { trustLocalhost } from '../test/support/certificates.ts'
import { compareCpu } from './http-clients/cpu.ts'
import { closeKept } from './http-clients/keep-alive.ts'
import { type MemoryResult, measureMemory } from './http-clients/memory.ts'
import { median } from './statistics.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    streams: { type: 'string', default: '500' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: 'cpu,memory,keep-alive' },
    against: { type: 'string', default: 'undici' },
  },
})
const parts = values.only.split(',')
const own = { http_client: 'own' }
const other = values.against === 'sherpa' ? { engine: 'sherpa' } : { http_client: 'undici' }
const clients: readonly [string, Readonly<Record<string, unknown>>][] = [
  ['own', own],
  [values.against, other],
]
const load = () => loadavg()[0]?.toFixed(1)

trustLocalhost()
console.log(`Node ${process.version}, ${availableParallelism()} cores, load ${load()}`)

if (parts.includes('cpu')) {
  console.log(`\n| work | own, CPU µs | ${values.against}, CPU µs | ratio (middle half) | pairs |`)
  console.log('| --- | ---: | ---: | ---: | ---: |')
  const seconds = Number(values.seconds)
  for (const tls of [false, true]) {
    const kinds = tls ? (['chat', 'stream'] as const) : (['chat', 'stream', 'slow'] as const)
    for (const result of await compareCpu([own, other], { kinds, seconds, tls })) {
      const { kind, firstMicros, secondMicros, ratio, low, high, pairs } = result
      const range = `${ratio.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`
      const work = `${kind}${tls ? ' over TLS' : ''}`
      console.log(
        `| ${work} | ${firstMicros.toFixed(1)} | ${secondMicros.toFixed(1)} | ${range} | ${pairs} |`,
      )
    }
  }
}

if (parts.includes('memory')) {
  const streams = Number(values.streams)
  console.log(`\n| ${streams} open streams, KB each | resident | heap | external |`)
  console.log('| --- | ---: | ---: | ---: |')
  for (const tls of [false, true]) {
    const results = new Map<string, MemoryResult[]>(clients.map(([name]) => [name, []]))
    for (let round = 0; round < Number(values.rounds); round++)
      for (const [name, proxy] of clients)
        results.get(name)?.push(await measureMemory(proxy, { streams, tls }))
    for (const [name, measured] of results) {
      const middle = (key: keyof MemoryResult) => median(measured.map((each) => each[key])).toFixed(1)
      const cells = [middle('residentKb'), middle('heapKb'), middle('externalKb')]
      console.log(`| ${name}${tls ? ' over TLS' : ''} | ${cells.join(' | ')} |`)
    }
  }
}

if (parts.includes('keep-alive')) {
  console.log(
    '\n| endpoint closes after | clients | client | failures | second attempts | sent twice | connections | seconds |',
  )
  console.log('| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |')
  for (const closesAfterMs of [0, 1, 5]) {
    for (const connections of [1, 8]) {
      for (const [name, proxy] of clients) {
        const result = await closeKept(proxy, { closesAfterMs, connections, chats: 2_000 })
        const { failures, retried, sentTwice, opened, seconds } = result
        const cells = [failures, retried, sentTwice, opened, seconds.toFixed(2)]
        console.log(`| ${closesAfterMs} ms | ${connections} | ${name} | ${cells.join(' | ')} |`)
      }
    }
  }
}
console.log(`\nLoad at the end: ${load()}`)
process.exit(0)
