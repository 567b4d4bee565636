// Bytes that a gateway allocates for each request of a kind.
import type { Kind, Load } from '../http-clients/load.ts'
import { median } from '../statistics.ts'
import type { ProbedGateway } from './gateway.ts'

export interface Allocations {
  readonly heapBytes: number
  /** Outside V8's heap. */
  readonly bufferBytes: number
}

export interface MeasureOptions {
  readonly connections: number
  /** Requests per connection before the first reading, and of each reading. */
  readonly warm: number
  readonly each: number
  readonly readings: number
}

/** Medians of readings without a collection. @throws if a request failed or V8 collected in every reading */
export async function measureAllocations(
  gateway: Pick<ProbedGateway, 'collect' | 'read'>,
  load: Load,
  kind: Kind,
  { connections, warm, each, readings }: MeasureOptions,
): Promise<Allocations> {
  await load.run(kind, warm)
  const requests = connections * each
  const heap: number[] = []
  const buffers: number[] = []
  for (let reading = 0; reading < readings; reading++) {
    const before = await gateway.collect()
    await load.run(kind, each)
    const after = await gateway.read()
    // V8 has collected meanwhile.
    if (after.heapBytes <= before.heapBytes) continue
    heap.push((after.heapBytes - before.heapBytes) / requests)
    buffers.push((after.bufferBytes - before.bufferBytes) / requests)
  }
  if (load.failures() > 0) throw new Error(`${load.failures()} requests failed`)
  if (heap.length === 0) throw new Error('V8 collected garbage in every reading')
  return { heapBytes: median(heap), bufferBytes: median(buffers) }
}
