import type { TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import type { Static } from '@sinclair/typebox'
import type { SimulatorOptions } from '../../../simulator/model.ts'
import type { Simulator } from '../../../simulator/server.ts'
import type { EndpointActionSchema } from '../../../src/observe/views/endpoint-admin.ts'
import type { EndpointsSchema } from '../../../src/observe/views/endpoints.ts'
import { type EndpointInput, postChat, type RunningGateway } from '../../support/gateway.ts'
import { jsonOf } from '../../support/json-answer.ts'

export type Sections = Record<string, Record<string, unknown>>
export type Settings = Readonly<Record<string, unknown>>
type Servers = Pick<Scene, 'first' | 'second'>
type EndpointSettings = Settings | ((servers: Servers) => Settings)

/** A gateway with two endpoints, `first` preferred. */
export interface Scene {
  readonly t: TestContext
  readonly gateway: RunningGateway
  readonly first: Simulator
  readonly second: Simulator
  /** The endpoints as configured now. */
  readonly endpoints: readonly EndpointInput[]
  readonly phase: 'before' | 'after'
  /** How long an effect that does not come is waited for. */
  readonly patienceMs: number
}

/** A live key, and where its change is seen. */
export interface LiveCase {
  /** A leaf of the configuration. */
  readonly key: string
  /** The configuration of the start, and that of the reload. */
  readonly before?: Sections
  readonly after?: Sections | ((servers: Servers) => Sections)
  /** The same for settings of the first endpoint. */
  readonly endpoint?: { readonly before?: EndpointSettings; readonly after: EndpointSettings }
  /** Starts another server in place of the first. @returns settings of its endpoint */
  readonly prepare?: (t: TestContext) => Promise<Settings>
  /** The simulated servers. Default: of kind `openai-compatible` with the models `m` and `n`. */
  readonly servers?: Partial<SimulatorOptions>
  /** Prepares the servers once. */
  readonly arrange?: (scene: Scene) => Promise<unknown>
  /** What is seen; compared with `from` before the change and with `to` after it. */
  readonly see: (scene: Scene) => Promise<unknown>
  readonly from: unknown
  readonly to: unknown
  /** Whether the effect is the same for each request, so that several show it on all threads. */
  readonly isSteady?: boolean
}

const json = { 'content-type': 'application/json' }

/** A chat on a connection of its own, so that any thread may get it. */
export async function ask(
  { gateway }: Pick<Scene, 'gateway'>,
  body: Record<string, unknown> = {},
  init: RequestInit & { headers?: Record<string, string> } = {},
) {
  const headers = { ...json, connection: 'close', ...init.headers }
  const response = await postChat(gateway.url, body, { ...init, headers })
  const text = await response.text()
  const { status } = response
  return { status, text, endpoint: response.headers.get('x-olla-endpoint'), headers: response.headers }
}

/** Its status, or `pending`. */
export async function statusOf(
  scene: Scene,
  body: Record<string, unknown> = {},
): Promise<number | 'pending'> {
  return soon(scene, (signal) => ask(scene, body, { signal }).then(({ status }) => status))
}

export async function endpointOf(scene: Scene, body: Record<string, unknown> = {}): Promise<string | null> {
  return (await ask(scene, body)).endpoint
}

/** What comes within the patience of the scene, or `pending`; the rest is given up. */
export async function soon<Result>(
  { patienceMs }: Pick<Scene, 'patienceMs'>,
  begin: (signal: AbortSignal) => Promise<Result>,
): Promise<Result | 'pending'> {
  const controller = new AbortController()
  const result = begin(controller.signal)
  result.catch(() => {})
  try {
    return await Promise.race([result, setTimeout(patienceMs, 'pending' as const)])
  } finally {
    controller.abort()
  }
}

export async function read<Body>(scene: Pick<Scene, 'gateway'>, path: string): Promise<Body> {
  return jsonOf(await fetch(`${scene.gateway.url}${path}`, { headers: { connection: 'close' } }))
}

/** Asks an admin route to do something with the first endpoint. */
export async function act({ gateway }: Pick<Scene, 'gateway'>, action: string, method = 'POST') {
  const response = await fetch(`${gateway.url}/internal/admin/endpoints/first/${action}`, {
    method,
    headers: { 'x-olla-gateway': '1' },
  })
  return jsonOf<Static<typeof EndpointActionSchema>>(response)
}

/** The row of the first endpoint in the status. */
export async function rowOf(scene: Pick<Scene, 'gateway'>) {
  const { endpoints } = await read<Static<typeof EndpointsSchema>>(scene, '/internal/status/endpoints')
  const found = endpoints.find(({ name }) => name === 'first')
  if (found === undefined) throw new Error('the status has no endpoint "first"')
  return found
}

/** Requests of a kind that the first endpoint has got. */
export function requestsOf({ first }: Pick<Scene, 'first'>, method: string, path: string) {
  return first.control.requests().filter((each) => each.method === method && each.path.startsWith(path))
}
