// Memory of a gateway in a process of its own: at rest, and with streams open.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { median } from '../statistics.ts'
import { startEndpoint } from './endpoint.ts'
import { holdStreams, openLoad } from './load.ts'

export interface MemoryResult {
  /** KB per open stream. */
  readonly residentKb: number
  readonly heapKb: number
  /** Outside V8's heap: buffers and WebAssembly. */
  readonly externalKb: number
}

interface Usage {
  readonly rss: number
  readonly heapUsed: number
  readonly external: number
}

const entry = fileURLToPath(new URL('./memory-process.ts', import.meta.url))
const settleMs = 2_500

export async function measureMemory(
  proxy: Readonly<Record<string, unknown>>,
  { streams, tls }: { streams: number; tls: boolean },
): Promise<MemoryResult> {
  const endpoint = await startEndpoint({ tls })
  const child = fork(entry, [endpoint.url, JSON.stringify(proxy)], {
    execArgv: ['--expose-gc', '--max-semi-space-size=8'],
    env: { ...process.env, MALLOC_ARENA_MAX: '2' },
  })
  try {
    const [{ port }] = (await once(child, 'message')) as [{ port: number }]
    const load = await openLoad(port, 8)
    await load.run('chat', 250)
    load.leave()
    const before = await settled(child)
    const held = await holdStreams(port, streams)
    const after = await settled(child)
    held.leave()
    const each = (key: keyof Usage) => (after[key] - before[key]) / streams / 1024
    return { residentKb: each('rss'), heapKb: each('heapUsed'), externalKb: each('external') }
  } finally {
    child.kill('SIGKILL')
    endpoint.close()
  }
}

/** The median of several readings, each after a full collection. */
async function settled(child: ChildProcess): Promise<Usage> {
  await new Promise((resolve) => setTimeout(resolve, settleMs))
  const looks: Usage[] = []
  for (let look = 0; look < 5; look++) {
    child.send('measure')
    const [usage] = (await once(child, 'message')) as [Usage]
    looks.push(usage)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  const middle = (key: keyof Usage) => median(looks.map((each) => each[key]))
  return { rss: middle('rss'), heapUsed: middle('heapUsed'), external: middle('external') }
}
