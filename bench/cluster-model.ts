// A fleet of replicas in virtual time: `npm run bench:cluster-model [seeds]`. The product's own membership, leases,
// messages, sessions and division of probes, with a server, lines and clients that are modelled.
import { type ModelFigures, simulateFleet } from './cluster-model/simulate.ts'

const seeds = Number(process.argv[2] ?? 1)
const size = { replicas: 20, endpoints: 200, clients: 10_000 }

console.log(`${size.replicas} replicas, ${size.endpoints} endpoints, ${size.clients} clients, ${seeds} seeds`)
const all: ModelFigures[] = []
for (let seed = 1; seed <= seeds; seed++) all.push(await simulateFleet({ seed, ...size }))

const most = (read: (figures: ModelFigures) => number) => Math.max(...all.map(read))
const sum = (read: (figures: ModelFigures) => number) =>
  all.reduce((total, figures) => total + read(figures), 0)
const deaths = all.flatMap(({ deathMs }) => deathMs).sort((a, b) => a - b)
const quantile = (share: number) =>
  deaths[Math.min(deaths.length - 1, Math.floor(deaths.length * share))] ?? 0
const rows: readonly (readonly [string, string])[] = [
  [
    'requests; calls of the server per request',
    `${sum(({ requests }) => requests)}; ${(sum(({ calls }) => calls) / sum(({ requests }) => requests)).toFixed(2)}`,
  ],
  ['connections cut', String(sum(({ cuts }) => cuts))],
  ['overrun of max_concurrent, all connected', String(most(({ overrun }) => overrun.joined))],
  [
    'the same while a third is cut off; in the 4 s after',
    `${most(({ overrun }) => overrun.partitioned)}; ${most(({ overrun }) => overrun.after)}`,
  ],
  [
    'all know the death of an endpoint, p50, p99, most',
    `${[0.5, 0.99, 1].map((share) => quantile(share).toFixed(0)).join(', ')} ms (${deaths.length})`,
  ],
  ['places of a killed replica are free', `${most(({ freedMs }) => freedMs).toFixed(0)} ms`],
  ['all know that it has left', `${most(({ leftMs }) => leftMs).toFixed(0)} ms`],
  [
    'probes of an endpoint per interval: average, most; intervals without',
    `${(sum(({ probes }) => probes.each) / all.length).toFixed(2)}, ${most(({ probes }) => probes.most)}; ${sum(({ probes }) => probes.missed)}`,
  ],
  [
    'longest time without a probe after its prober was killed',
    `${most(({ unprobedMs }) => unprobedMs).toFixed(0)} ms, interval 5000`,
  ],
  [
    'conversations that went to another endpoint, all connected',
    `${sum(({ split }) => split.joined)} of ${sum(({ split }) => split.turns)} turns, within ${most(({ split }) => split.withinMs).toFixed(0)} ms of the answer before`,
  ],
  ['the same in and after the partition', String(sum(({ split }) => split.partitioned))],
]
for (const [what, found] of rows) console.log(`${what.padEnd(72)} ${found}`)
