/** Requests that wait in line for a server that works on one until it is told to answer. */
import { request } from 'node:http'
import type { TestContext } from 'node:test'
import { type HeldEndpoint, startHeldEndpoint } from '../../support/held-endpoint.ts'
import { eventually } from '../../support/simulator.ts'
import type { Scene } from './live-case.ts'

const servers = new Map<unknown, HeldEndpoint>()

/** Only the first endpoint has these. */
export const lineModels = ['only', 'A', 'B']

export async function prepareLine(t: TestContext) {
  const server = await startHeldEndpoint(t, lineModels)
  servers.set(server.url, server)
  return { url: server.url }
}

export interface Waiting {
  readonly model?: string
  readonly content?: string
  readonly from?: string
  readonly key?: string
}

/** How many requests wait. */
export async function queued({ gateway }: Pick<Scene, 'gateway'>): Promise<number> {
  const metrics = await (await fetch(`${gateway.url}/internal/metrics`)).text()
  return Number(/^olla_queue_waiting (\d+)$/m.exec(metrics)?.[1])
}

/** Takes the only place, lets requests wait, and gives all up afterwards. */
export async function inLine<Result>(
  { gateway, endpoints }: Scene,
  waiting: readonly Waiting[],
  work: (server: HeldEndpoint) => Promise<Result>,
): Promise<Result> {
  const server = servers.get(endpoints[0]?.url)
  if (server === undefined) throw new Error('the case is not prepared')
  const controller = new AbortController()
  const enter = ({ model = 'only', content = 'hi', from = '127.0.0.1', key }: Waiting) => {
    const client = request(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      localAddress: from,
      agent: false,
      signal: controller.signal,
      headers: {
        'content-type': 'application/json',
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      },
    })
    client.on('error', () => {}).on('response', (response) => response.resume())
    client.end(JSON.stringify({ model, messages: [{ role: 'user', content }] }))
  }
  const waits = async (count: number) => (await queued({ gateway })) === count
  await eventually(() => waits(0))
  server.seen.length = 0
  try {
    enter({ ...waiting[0], model: waiting[0]?.model ?? 'only' })
    await eventually(() => server.held.length === 1)
    for (const [at, each] of waiting.slice(1).entries()) {
      enter(each)
      await eventually(() => waits(at + 1))
    }
    return await work(server)
  } finally {
    controller.abort()
    await eventually(() => server.held.length === 0)
  }
}

/** Answers one after the other. @returns the requests in the order in which the server got them */
export async function served(server: HeldEndpoint, count: number, beforeEach = async () => {}) {
  for (let answered = 0; answered < count; answered++) {
    await eventually(() => server.held.length > 0)
    await beforeEach()
    server.answer()
  }
  return server.seen.map(({ model, text }) => ({ model, text }))
}
