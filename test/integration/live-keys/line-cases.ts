/** Keys of the waiting line. */
import { setTimeout } from 'node:timers/promises'
import { callersSecret, configuredKey } from '../../support/callers.ts'
import { eventually } from '../../support/simulator.ts'
import { inLine, prepareLine, queued, served, type Waiting } from './line.ts'
import { ask, type LiveCase, type Scene, soon, statusOf } from './live-case.ts'

const alone = { model: 'only' }
const oneWaits: readonly Waiting[] = [{}, {}]

const high = configuredKey('high', { policy: { priority: 'high' } })
const low = configuredKey('low', { policy: { priority: 'low' } })
const withKeys = { callers: { secret: callersSecret, keys: [high.entry, low.entry] } }

/** What changes is one key of the line of an endpoint with one place. */
function lineCase(
  key: string,
  values: readonly [before: unknown, after: unknown],
  rest: Pick<LiveCase, 'see' | 'from' | 'to' | 'isSteady'>,
  more: { readonly queue?: object; readonly callers?: typeof withKeys } = {},
): LiveCase {
  const sections = (value: unknown) => ({
    ...more.callers,
    proxy: { queue: { max_wait: '60s', ...more.queue, [key]: value } },
  })
  return {
    key: `proxy.queue.${key}`,
    before: sections(values[0]),
    after: sections(values[1]),
    endpoint: { before: { max_concurrent: 1 }, after: { max_concurrent: 1 } },
    prepare: prepareLine,
    ...rest,
  }
}

/** Whether one more finds room where one waits, or its status. */
const oneMore =
  (content = 'hi') =>
  (scene: Scene) =>
    inLine(scene, oneWaits, () => statusOf(scene, { ...alone, messages: [{ role: 'user', content }] }))

const full = { from: 'pending', to: 503 } as const
const large = 'x'.repeat(70_000)

/** How often the server changes its model for A B A B A B. */
async function swaps(scene: Scene): Promise<boolean> {
  const models = ['A', 'B', 'A', 'B', 'A', 'B']
  const waiting = models.map((model) => ({ model }))
  const order = await inLine(scene, waiting, (server) => served(server, models.length))
  return order.filter(({ model }, at) => at > 0 && model !== order[at - 1]?.model).length > 2
}

/** Whether one person is served before most of another's requests, which came first. */
async function takesTurns(scene: Scene): Promise<boolean> {
  const agent = Array.from({ length: 6 }, () => ({ from: '127.0.0.2', content: 'agent' }))
  const waiting = [...agent, { from: '127.0.0.3', content: 'person' }]
  const order = await inLine(scene, waiting, (server) => served(server, waiting.length))
  return order.findIndex(({ text }) => text.includes('person')) < 4
}

/** Whether a request of a low class is served before all of the high class. */
async function rises(scene: Scene): Promise<boolean> {
  const first = { key: high.key }
  const waiting = [first, { key: low.key, content: 'low' }, first, first, first, first]
  const order = await inLine(scene, waiting, (server) =>
    served(server, waiting.length, () => setTimeout(250)),
  )
  return order.findIndex(({ text }) => text.includes('low')) < waiting.length - 1
}

/** Whether a request of the class low waits although one of two places is free. */
async function isReserved(scene: Scene): Promise<boolean> {
  return inLine(scene, [{ key: low.key }], async (server) => {
    const controller = new AbortController()
    const { signal } = controller
    const headers = { authorization: `Bearer ${low.key}` }
    const messages = [{ role: 'user', content: 'hi' }]
    ask(scene, { ...alone, messages }, { signal, headers }).catch(() => {})
    await eventually(async () => server.held.length === 2 || (await queued(scene)) === 1)
    controller.abort()
    return server.held.length < 2
  })
}

function reserveCase(key: string): LiveCase {
  const rest = { see: isReserved, from: false, to: true }
  const endpoint = { before: { max_concurrent: 2 }, after: { max_concurrent: 2 } }
  return { ...lineCase(key, [0, 0.5], rest, { callers: withKeys }), endpoint }
}

/** What a waiting client has heard, once `isEnough` of it, or `pending`. */
async function heard(scene: Scene, body: object, isEnough: (text: string) => boolean) {
  return inLine(scene, oneWaits, () =>
    soon(scene, async (signal) => {
      const response = await fetch(`${scene.gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', connection: 'close' },
        body: JSON.stringify({ ...alone, messages: [{ role: 'user', content: 'hi' }], ...body }),
        signal,
      })
      let text = ''
      const decoder = new TextDecoder()
      if (isEnough(text)) return true
      for await (const chunk of response.body ?? []) {
        text += decoder.decode(chunk, { stream: true })
        if (isEnough(text)) return true
      }
      return false
    }),
  )
}

const stream = { stream: true }
const headersAlone = () => true
const talks = { from: 'pending', to: true } as const

export const lineCases: readonly LiveCase[] = [
  lineCase('max_size', [0, '64KB'], { see: oneMore(large), ...full, isSteady: true }),
  lineCase('max_size_per_model', [0, '64KB'], { see: oneMore(large), ...full, isSteady: true }),
  lineCase('max_waiting_per_model', [0, 1], { see: oneMore(), ...full, isSteady: true }),
  lineCase('fair', [false, true], { see: takesTurns, from: false, to: true }),
  lineCase('age_after', [0, '50ms'], { see: rises, from: false, to: true }, { callers: withKeys }),
  reserveCase('reserved_for_high'),
  reserveCase('reserved_for_normal'),
  lineCase('swap_batch', [8, 0], { see: swaps, from: false, to: true }, { queue: { fair: false } }),
  lineCase(
    'swap_batch_wait',
    ['60s', '1ms'],
    { see: swaps, from: false, to: true },
    { queue: { fair: false } },
  ),
  lineCase(
    'early_headers',
    [false, true],
    {
      see: (scene) => heard(scene, stream, headersAlone),
      ...talks,
      isSteady: true,
    },
    { queue: { progress_interval: '20ms' } },
  ),
  lineCase(
    'progress_interval',
    ['60s', '20ms'],
    { see: (scene) => heard(scene, stream, (text) => text.includes('position 2')), ...talks, isSteady: true },
    { queue: { early_headers: true } },
  ),
  lineCase(
    'show_progress',
    ['off', 'reasoning'],
    {
      see: (scene) => heard(scene, stream, (text) => text.includes('"reasoning_content"')),
      ...talks,
      isSteady: true,
    },
    { queue: { early_headers: true, progress_interval: '20ms' } },
  ),
  lineCase(
    'json_padding',
    [false, true],
    { see: (scene) => heard(scene, {}, headersAlone), ...talks, isSteady: true },
    { queue: { progress_interval: '20ms' } },
  ),
]
