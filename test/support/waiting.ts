import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import type { TestContext } from 'node:test'
import { type RunningGateway, startGateway } from './gateway.ts'
import { type HeldEndpoint, startHeldEndpoint } from './held-endpoint.ts'
import { eventually } from './simulator.ts'

export interface Asked {
  readonly client: ClientRequest
  readonly answer: Promise<{ status: number; headers: IncomingMessage['headers']; body: string }>
}

/** A gateway before one endpoint with one place that works until the test says that it is done. */
export async function startHeld(
  t: TestContext,
  proxy: Readonly<Record<string, unknown>>,
  endpoint: Readonly<Record<string, unknown>> = {},
  models = ['m'],
  sections: Readonly<Record<string, Record<string, unknown>>> = {},
) {
  const upstream = await startHeldEndpoint(t, models)
  const gateway = await startGateway(
    t,
    [{ url: upstream.url, name: 'box', type: 'openai', max_concurrent: 1, ...endpoint }],
    { proxy, ...sections },
  )
  return { upstream, gateway, ask: askFrom(gateway) }
}

/** Asks on a connection of its own. */
export const askFrom =
  (gateway: RunningGateway) =>
  (model = 'm', from = '127.0.0.1', content = 'hi', key?: string): Asked => {
    const client = request(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      localAddress: from,
      agent: false,
      headers: {
        'content-type': 'application/json',
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      },
    })
    const answer = (async () => {
      const [response] = (await once(client, 'response')) as [IncomingMessage]
      let body = ''
      for await (const chunk of response.setEncoding('utf8')) body += chunk
      return { status: response.statusCode ?? 0, headers: response.headers, body }
    })()
    answer.catch(() => {})
    client.end(JSON.stringify({ model, messages: [{ role: 'user', content }] }))
    return { client, answer }
  }

export async function waiting({ url }: RunningGateway): Promise<number> {
  const text = await (await fetch(`${url}/internal/metrics`)).text()
  return Number(/^olla_queue_waiting (\d+)$/m.exec(text)?.[1])
}

export const waits = (gateway: RunningGateway, count: number) =>
  eventually(async () => (await waiting(gateway)) === count)

/** Answers until nothing is left. @returns the requests' texts in the order in which the endpoint got them */
export async function drain(upstream: HeldEndpoint, count: number): Promise<string[]> {
  for (let answered = 0; answered < count; answered++) {
    await eventually(() => upstream.held.length > 0)
    upstream.answer()
  }
  return upstream.seen.map(({ text }) => text)
}
