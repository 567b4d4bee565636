// Memory per open stream: the resident size with many slow streams, minus that without them.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { holdStreams, type LoadGenerator, runLoad } from './load.ts'
import { memoryOf } from './sampling.ts'
import { type Scenario, writeBody } from './scenarios.ts'
import { median } from './statistics.ts'
import type { Target, TargetContext } from './targets.ts'
import { pause } from './workbench.ts'

export interface StreamMemory {
  readonly target: string
  /** Resident after a few requests, with no stream open; bytes. */
  readonly baseBytes: number
  readonly levels: readonly StreamLevel[]
}

export interface StreamLevel {
  readonly streams: number
  /** Resident while they are open. */
  readonly residentBytes: number
}

export interface StreamMemoryOptions {
  readonly streams: readonly number[]
  readonly holdMs: number
  readonly generator: LoadGenerator
}

const slow: Scenario = {
  name: 'slow-streams',
  title: 'slow streams',
  bodyBytes: 1_000,
  connections: 1,
  events: 3_600,
  intervalMicros: 1_000_000,
}
const settleMs = 1_500
/** Delay between the starts of two streams. */
const staggerMicros = 1_000

/** Starts a fresh target: leftovers of earlier work in its heap would hide the streams' memory. */
export async function measureStreamMemory(
  target: Target,
  context: TargetContext,
  { streams, holdMs, generator }: StreamMemoryOptions,
): Promise<StreamMemory> {
  const folder = join(context.folder, `memory-${target.name}`)
  mkdirSync(folder, { recursive: true })
  const { process, port } = await target.start({ ...context, folder })
  if (process === undefined) throw new Error(`${target.name} has no process`)
  try {
    const bodyFile = writeBody(folder, slow)
    const path = '/v1/chat/completions?events=20&interval_us=10000'
    await runLoad(generator, { port, path, bodyFile, connections: 10, milliseconds: 500 })
    await pause(settleMs)
    const baseBytes = memoryOf(process.pid).residentBytes
    const levels: StreamLevel[] = []
    for (const count of streams) {
      const held = await holdStreams(generator, {
        port,
        path: `/v1/chat/completions?events=${slow.events}&interval_us=${slow.intervalMicros}`,
        bodyFile,
        connections: count,
        staggerMicros,
      })
      levels.push({ streams: count, residentBytes: await residentOver(process.pid, holdMs) })
      await held.leave()
      await pause(settleMs)
    }
    return { target: target.name, baseBytes, levels }
  } finally {
    await process.stop()
  }
}

/** The median of the second half of the time, since collections make the size fluctuate. */
async function residentOver(pid: number, holdMs: number): Promise<number> {
  const samples: number[] = []
  await pause(holdMs / 2)
  for (let sample = 0; sample < 10; sample++) {
    await pause(holdMs / 20)
    samples.push(memoryOf(pid).residentBytes)
  }
  return median(samples)
}

export function perStreamBytes({ baseBytes }: StreamMemory, { streams, residentBytes }: StreamLevel): number {
  return (residentBytes - baseBytes) / streams
}
