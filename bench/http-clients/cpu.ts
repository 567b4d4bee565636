// CPU per request of gateways that differ in their client, on one thread with client and endpoint. Slices of a few
// milliseconds alternate, so that other load on the machine affects both.
import { median, percentile } from '../statistics.ts'
import { startEndpoint } from './endpoint.ts'
import { startGateway } from './gateway.ts'
import { type Kind, type Load, openLoad } from './load.ts'

export interface CpuResult {
  readonly kind: Kind
  readonly tls: boolean
  /** CPU of the first gateway per request, without client and endpoint; microseconds. */
  readonly firstMicros: number
  readonly secondMicros: number
  /** Second over first: median of pairs, and their interquartile range. */
  readonly ratio: number
  readonly low: number
  readonly high: number
  readonly pairs: number
}

type Settings = Readonly<Record<string, unknown>>

export type CpuKind = Exclude<Kind, 'held' | 'paced' | 'short'>

const plans: Readonly<Record<CpuKind, { connections: number; each: number; warm: number }>> = {
  chat: { connections: 8, each: 20, warm: 8_000 },
  stream: { connections: 8, each: 6, warm: 4_000 },
  slow: { connections: 16, each: 3, warm: 2_500 },
}

export async function compareCpu(
  settings: readonly [Settings, Settings],
  { kinds, seconds, tls }: { kinds: readonly CpuKind[]; seconds: number; tls: boolean },
): Promise<CpuResult[]> {
  const endpoint = await startEndpoint({ tls })
  const plain = await startEndpoint()
  const first = await startGateway(endpoint.url, settings[0])
  const second = await startGateway(endpoint.url, settings[1])
  const results: CpuResult[] = []
  for (const kind of kinds) {
    const { connections, each, warm } = plans[kind]
    const loads = await Promise.all(
      [first.port, second.port, Number(new URL(plain.url).port)].map((port) => openLoad(port, connections)),
    )
    const [ofFirst, ofSecond, direct] = loads
    if (ofFirst === undefined || ofSecond === undefined || direct === undefined) throw new Error('no load')
    const slice = (load: Load) => cpuMicros(load, kind, each, connections)
    for (let done = 0; done < warm; done += connections * each) {
      await slice(ofFirst)
      await slice(ofSecond)
    }
    for (let round = 0; round < 10; round++) await slice(direct)
    const firsts: number[] = []
    const differences: number[] = []
    const directs: number[] = []
    const endMs = performance.now() + seconds * 1_000
    for (let pair = 0; performance.now() < endMs; pair++) {
      const isSwapped = pair % 2 === 1
      const one = await slice(isSwapped ? ofSecond : ofFirst)
      const other = await slice(isSwapped ? ofFirst : ofSecond)
      firsts.push(isSwapped ? other : one)
      differences.push(isSwapped ? one - other : other - one)
      if (pair % 8 === 0) directs.push(await slice(direct))
    }
    const failed = loads.reduce((total, load) => total + load.failures(), 0)
    if (failed > 0) throw new Error(`${failed} requests failed`)
    for (const load of loads) load.leave()
    const firstMicros = median(firsts) - median(directs)
    const ratioOf = (difference: number) => 1 + difference / firstMicros
    results.push({
      kind,
      tls,
      firstMicros,
      secondMicros: firstMicros + median(differences),
      ratio: ratioOf(median(differences)),
      low: ratioOf(percentile(differences, 0.25)),
      high: ratioOf(percentile(differences, 0.75)),
      pairs: differences.length,
    })
  }
  await Promise.all([first.close(), second.close()])
  endpoint.close()
  plain.close()
  return results
}

async function cpuMicros(load: Load, kind: Kind, each: number, connections: number): Promise<number> {
  const before = process.cpuUsage()
  await load.run(kind, each)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / (each * connections)
}
