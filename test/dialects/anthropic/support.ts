import type { TestContext } from 'node:test'
import Anthropic from '@anthropic-ai/sdk'
import type { SimulatorOptions } from '../../../simulator/model.ts'
import type { Simulator } from '../../../simulator/server.ts'
import { type RunningGateway, startGateway } from '../../support/gateway.ts'
import { withSimulator } from '../../support/simulator.ts'

export const model = 'llama3.2:3b'
export const request = {
  model,
  messages: [{ role: 'user' as const, content: 'count these four words' }],
  max_tokens: 64,
}

export interface Behind {
  readonly gateway: RunningGateway
  readonly simulators: readonly Simulator[]
  readonly client: Anthropic
}

/** A gateway in front of simulated endpoints, of which the first has the highest priority, and the official client. */
export async function behind(
  t: TestContext,
  kinds: readonly (SimulatorOptions | SimulatorOptions['kind'])[],
  sections: Readonly<Record<string, Record<string, unknown>>> = {},
): Promise<Behind> {
  const simulators: Simulator[] = []
  for (const kind of kinds) {
    const options = typeof kind === 'string' ? { kind } : kind
    simulators.push(await withSimulator(t, { models: [model], name: options.kind, ...options }))
  }
  const { proxy = {}, ...rest } = sections
  const gateway = await startGateway(
    t,
    simulators.map(({ url, kind }, index) => ({ url, name: kind, type: kind, priority: 100 - index })),
    { proxy: { load_balancer: 'priority', ...proxy }, ...rest },
  )
  return {
    gateway,
    simulators,
    client: new Anthropic({ baseURL: gateway.url, apiKey: 'any', maxRetries: 0 }),
  }
}

export const translatorOf = async ({ gateway }: Behind): Promise<Record<string, number | string>> => {
  const response = await fetch(`${gateway.url}/internal/stats/translators`)
  const body = (await response.json()) as { translators: Record<string, number | string>[] }
  return body.translators[0] ?? {}
}

export function postMessages(
  { gateway }: Behind,
  body: object | string,
  headers: Readonly<Record<string, string>> = {},
  path = '/v1/messages',
): Promise<Response> {
  return fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}
