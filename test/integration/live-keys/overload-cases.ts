/** Keys of what is refused while the gateway is overloaded. */
import { setTimeout } from 'node:timers/promises'
import { callersSecret, configuredKey } from '../../support/callers.ts'
import { occupyLoop } from '../../support/occupy-loop.ts'
import { inLine, prepareLine } from './line.ts'
import { ask, type LiveCase, type Scene, soon } from './live-case.ts'

const keys = {
  low: configuredKey('low', { policy: { priority: 'low' } }),
  normal: configuredKey('normal', { policy: { priority: 'normal' } }),
  high: configuredKey('high', { policy: { priority: 'high' } }),
}
type Priority = keyof typeof keys

const callers = { secret: callersSecret, keys: Object.values(keys).map(({ entry }) => entry) }
const never = { low_delay: 0, normal_delay: 0, high_delay: 0, low_memory: 0 }

const overload = (settings: Record<string, unknown>, server: Record<string, unknown> = {}) => ({
  callers,
  server: { ...server, overload: { ...never, ...settings } },
})

/** Longer than it takes to refuse one. */
const sampleMs = 300
/** Two samples and the fall of a level, with some margin. */
const settledMs = 1_500
/** Requests on connections of their own with the same result, which reach all threads. */
const inARow = 5
const maxMs = 20_000

async function outcomeOf(scene: Scene, priority: Priority): Promise<string> {
  const headers = { authorization: `Bearer ${keys[priority].key}` }
  const { status } = await ask(scene, { max_tokens: 1 }, { headers })
  return status === 503 ? 'refused' : status === 200 ? 'served' : String(status)
}

/** Outcome of requests while the event loop of each thread is late. */
const whileLate = (priority: Priority, wanted: { before: string; after: string }) => async (scene: Scene) => {
  const { link } = scene.gateway
  const tell = (isBusy: boolean) => {
    for (let thread = 0; thread < 2; thread++) link?.send(thread, 'test.occupy', isBusy)
  }
  if (link !== undefined) tell(true)
  const end = link === undefined ? occupyLoop() : () => tell(false)
  try {
    await setTimeout(settledMs)
    const endMs = performance.now() + maxMs
    const outcomes: string[] = []
    while (performance.now() < endMs) {
      outcomes.push(await outcomeOf(scene, priority))
      const last = outcomes.slice(-inARow)
      if (last.length === inARow && last.every((each) => each === wanted[scene.phase])) break
    }
    return [...new Set(outcomes.slice(-inARow))].join(', ')
  } finally {
    end()
  }
}

function delayCase(priority: Priority): LiveCase {
  return {
    key: `server.overload.${priority}_delay`,
    before: overload({}),
    after: overload({ [`${priority}_delay`]: '10ms' }),
    see: whileLate(priority, { before: 'served', after: 'refused' }),
    from: 'served',
    to: 'refused',
  }
}

const largeBody = 'x'.repeat(200_000)
const littleMemory = { request_limits: { max_buffered_bytes: '512KB', max_body_size: '400KB' } }

/** Whether a request of low priority is refused beside a large one that waits. */
async function isShort(scene: Scene): Promise<boolean | 'pending'> {
  const { key } = keys.high
  return inLine(scene, [{ key }, { key, content: largeBody }], () =>
    soon(scene, async (ended) => {
      const headers = { authorization: `Bearer ${keys.low.key}` }
      while (!ended.aborted) {
        // One that is not refused waits, too.
        const answer = await soon({ patienceMs: sampleMs }, (signal) =>
          ask(scene, { model: 'only' }, { headers, signal }),
        )
        if (answer !== 'pending' && answer.status === 503) return true
      }
      return false
    }),
  )
}

export const overloadCases: readonly LiveCase[] = [
  {
    key: 'server.overload.enabled',
    before: overload({ low_delay: '10ms' }),
    after: overload({ enabled: false, low_delay: '10ms' }),
    see: whileLate('low', { before: 'refused', after: 'served' }),
    from: 'refused',
    to: 'served',
  },
  delayCase('low'),
  delayCase('normal'),
  delayCase('high'),
  {
    key: 'server.overload.low_memory',
    before: { ...overload({}, littleMemory), proxy: { queue: { max_wait: '60s' } } },
    after: { ...overload({ low_memory: 0.2 }, littleMemory), proxy: { queue: { max_wait: '60s' } } },
    endpoint: { before: { max_concurrent: 1 }, after: { max_concurrent: 1 } },
    prepare: prepareLine,
    see: isShort,
    from: 'pending',
    to: true,
    isSteady: true,
  },
]
