import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import Fastify from 'fastify'
import { pino } from 'pino'
import { addRootRoutes, listenerOptions } from '../../src/app/http-server.ts'
import { serveOnThreads } from '../../src/app/serving-threads.ts'
import { parseConfig } from '../../src/config/load.ts'
import type { GatewayConfig } from '../../src/config/schema/schema.ts'
import gateway, { type GatewayOptions } from '../../src/gateway.ts'
import type { ReloadView } from '../../src/observe/views/reload.ts'
import type { ConfigSource } from '../../src/runtime/configuration/reloads.ts'
import type { DrainResult } from '../../src/runtime/lifecycle/drain.ts'
import { createDrainable } from '../../src/runtime/lifecycle/drainable.ts'
import type { ControlLink } from '../../src/runtime/links/control-link.ts'
import { eventually } from './simulator.ts'

export interface RunningGateway {
  readonly url: string
  readonly port: number
  /** To its threads, where it has several. */
  readonly link: ControlLink | undefined
  /** Lines of requests that its threads have written, where it has several. */
  readonly lines: readonly string[]
  /** Lets requests finish and stops. */
  close(): Promise<DrainResult>
  /** Set once the gateway has been closed. */
  drained(): DrainResult | undefined
  status(): Promise<EndpointRow[]>
  /** Reloads with these endpoints and sections in place of those of the start. */
  reload(endpoints: readonly EndpointInput[], sections?: Sections, query?: string): Promise<ReloadView>
}

type Sections = Readonly<Record<string, Record<string, unknown>>>

export interface EndpointRow {
  readonly name: string
  readonly status: string
  readonly in_flight: number
  readonly request_count: number
  readonly model_count: number
  readonly breaker?: { readonly state: string }
}

export interface EndpointInput {
  readonly url: string
  readonly name?: string
  readonly type?: string
  readonly [key: string]: unknown
}

/** Threads of a gateway in tests that work with any number: `npm run test:threads` sets it. */
export const testThreads = Number(process.env.GATEWAY_TEST_THREADS ?? 1)

/** A gateway on a free port in front of `endpoints`, with short times, ready once all of them were seen. */
export async function startGateway(
  t: TestContext,
  endpoints: readonly EndpointInput[],
  sections: Sections = {},
  options: {
    awaitRoutable?: number
    /** For a gateway in another app, which has one thread. */
    gateway?: Partial<GatewayOptions>
    /** Default as the environment says, see `testThreads`. */
    threads?: number
    /** For the status route, where that is gated. */
    headers?: Record<string, string>
  } = {},
): Promise<RunningGateway> {
  const config = configOf(endpoints, sections)
  let next = config
  const source: ConfigSource = { file: undefined, load: async () => ({ config: next, warnings: [] }) }
  const threads = options.threads ?? (options.gateway === undefined ? testThreads : 1)
  const running =
    threads > 1
      ? await listenOnThreads(threads, config, source)
      : await listenHere(config, { configSource: source, ...options.gateway })
  let drained: DrainResult | undefined
  const close = async () => {
    drained = await running.close()
    return drained
  }
  t.after(close)
  const { url } = running
  const status = async (): Promise<EndpointRow[]> => {
    const response = await fetch(`${url}/internal/status/endpoints`, { headers: options.headers ?? {} })
    const body = (await response.json()) as { endpoints: EndpointRow[] }
    return body.endpoints
  }
  const wanted = options.awaitRoutable ?? endpoints.length
  await eventually(async () => {
    const response = await fetch(`${url}/internal/status/endpoints`, { headers: options.headers ?? {} })
    const body = (await response.json()) as { routable_count: number; endpoints: { model_count: number }[] }
    return (
      body.routable_count >= wanted &&
      body.endpoints.filter(({ model_count }) => model_count > 0).length >= wanted
    )
  })
  await running.settle()
  return {
    url,
    port: Number(new URL(url).port),
    link: running.link,
    lines: running.lines ?? [],
    close,
    drained: () => drained,
    status,
    async reload(changed, changedSections = sections, query = '') {
      next = configOf(changed, changedSections)
      const response = await fetch(`${url}/internal/admin/reload${query}`, {
        method: 'POST',
        headers: { 'x-olla-gateway': '1', ...options.headers },
      })
      return (await response.json()) as ReloadView
    },
  }
}

export function configOf(endpoints: readonly EndpointInput[], sections: Sections): GatewayConfig {
  const { discovery = {}, server = {}, proxy = {}, ...rest } = sections
  return parseConfig({
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
      // Many tests count what an endpoint receives.
      signals: { interval: 0 },
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
}

interface Listening {
  readonly url: string
  readonly link?: ControlLink
  readonly lines?: readonly string[]
  close(): Promise<DrainResult>
  /** Resolves when all threads know what is known now. */
  settle(): Promise<unknown>
}

async function listenHere(config: GatewayConfig, options: Partial<GatewayOptions> = {}): Promise<Listening> {
  const drainable = createDrainable()
  const app = Fastify({ forceCloseConnections: 'idle', ...listenerOptions(config) })
  addRootRoutes(app)
  await app.register(gateway, {
    ...options,
    config,
    drainSignal: drainable.signal,
    onDrained: drainable.onDrained,
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  return {
    url,
    async close() {
      const drained = await drainable.drain()
      await app.close()
      return drained
    },
    settle: async () => {},
  }
}

async function listenOnThreads(
  threads: number,
  config: GatewayConfig,
  source: ConfigSource,
): Promise<Listening> {
  const lines: string[] = []
  const { address, close, link } = await serveOnThreads(threads, {
    config,
    logger: pino({ level: 'silent' }),
    writeLines: (text) => void lines.push(...text.trimEnd().split('\n')),
    entry: new URL('./crashable-thread.ts', import.meta.url),
    source,
  })
  // A thread answers when it has taken all that was sent before.
  return { url: address, link, lines, close, settle: () => link.requestAll('test.settle', undefined, 10_000) }
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
