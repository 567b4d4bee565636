import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import Fastify, { type FastifyInstance } from 'fastify'
import { parseConfig } from '../../src/config/load.ts'
import gateway, { type GatewayOptions } from '../../src/gateway.ts'
import type { DrainResult } from '../../src/lifecycle/drain.ts'
import { eventually } from './simulator.ts'

export interface RunningGateway {
  readonly app: FastifyInstance
  readonly url: string
  readonly port: number
  /** Set once the gateway has been closed. */
  drained(): DrainResult | undefined
  status(): Promise<EndpointRow[]>
}

export interface EndpointRow {
  readonly name: string
  readonly status: string
  readonly in_flight: number
  readonly request_count: number
  readonly breaker?: { readonly state: string }
}

export interface EndpointInput {
  readonly url: string
  readonly name?: string
  readonly type?: string
  readonly [key: string]: unknown
}

/** A gateway on a free port in front of `endpoints`, with short times, ready once all of them were seen. */
export async function startGateway(
  t: TestContext,
  endpoints: readonly EndpointInput[],
  sections: Readonly<Record<string, Record<string, unknown>>> = {},
  options: { awaitRoutable?: number; gateway?: Partial<GatewayOptions> } = {},
): Promise<RunningGateway> {
  const { discovery = {}, server = {}, proxy = {}, ...rest } = sections
  const config = parseConfig({
    ...rest,
    server: {
      host: '127.0.0.1',
      port: 0,
      rate_limits: {
        global_requests_per_minute: 0,
        per_ip_requests_per_minute: 0,
        health_requests_per_minute: 0,
      },
      shutdown_timeout: '2s',
      ...server,
    },
    proxy: { retry_backoff: '10ms', ...proxy },
    discovery: {
      health: { slow_start: 0 },
      ...discovery,
      static: {
        endpoints: endpoints.map((endpoint, index) => ({
          type: 'openai-compatible',
          name: `endpoint-${index}`,
          check_interval: '1s',
          check_timeout: '500ms',
          ...endpoint,
        })),
      },
    },
  })
  let drained: DrainResult | undefined
  const app = Fastify({ forceCloseConnections: 'idle' })
  await app.register(gateway, {
    ...options.gateway,
    config,
    onDrained: (result: DrainResult) => {
      drained = result
    },
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  t.after(() => app.close())
  const { port } = app.server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  const status = async (): Promise<EndpointRow[]> => {
    const response = await fetch(`${url}/internal/status/endpoints`)
    const body = (await response.json()) as { endpoints: EndpointRow[] }
    return body.endpoints
  }
  const wanted = options.awaitRoutable ?? endpoints.length
  await eventually(async () => {
    const response = await fetch(`${url}/internal/status/endpoints`)
    const body = (await response.json()) as { routable_count: number; endpoints: { model_count: number }[] }
    return (
      body.routable_count >= wanted &&
      body.endpoints.filter(({ model_count }) => model_count > 0).length >= wanted
    )
  })
  return { app, url, port, drained: () => drained, status }
}

export const chatBody = (extra: Record<string, unknown> = {}) =>
  JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hello' }], ...extra })

export function postChat(
  url: string,
  extra: Record<string, unknown> = {},
  init: RequestInit = {},
): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: chatBody(extra),
    ...init,
  })
}

/** Sends bytes as they are and collects what comes back until the connection ends. */
export async function rawExchange(port: number, request: string): Promise<string> {
  const socket = await openSocket(port)
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.write(request)
  await once(socket, 'close')
  return Buffer.concat(chunks).toString('latin1')
}

export async function openSocket(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}
