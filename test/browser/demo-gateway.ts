import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import { startDemoFleet } from '../../simulator/fleet.ts'
import type { Simulator } from '../../simulator/server.ts'
import { parseConfig } from '../../src/config/load.ts'
import gateway from '../../src/gateway.ts'
import { eventually } from '../support/simulator.ts'

export interface DemoGateway {
  /** Of the gateway, with its prefix, without a slash at the end. */
  readonly url: string
  /** Of the page. */
  readonly page: string
  readonly simulators: ReadonlyMap<string, Simulator>
  /** Sections that a reload finds instead of those of the start. */
  configure(sections: Record<string, unknown>): void
  close(): Promise<void>
}

/** Sections of the configuration. */
export interface DemoSections {
  readonly providers?: readonly unknown[]
  readonly cluster?: Record<string, unknown>
}

/** Below a prefix throughout: whatever address is not relative fails every test. */
const prefix = '/llm'

/** A gateway in front of the demo's fleet, all of whose models are known. */
export async function startDemoGateway(
  dashboard: Record<string, unknown> = {},
  callers: Record<string, unknown> = {},
  { providers = [], ...others }: DemoSections = {},
): Promise<DemoGateway> {
  const fleet = await startDemoFleet()
  const sections = {
    server: {
      rate_limits: {
        global_requests_per_minute: 0,
        per_ip_requests_per_minute: 0,
        health_requests_per_minute: 0,
      },
      shutdown_timeout: '2s',
      // It shares its process with the simulators and the tests.
      overload: { enabled: false },
    },
    proxy: { retry_backoff: '10ms' },
    discovery: {
      providers,
      health: { slow_start: 0 },
      static: {
        endpoints: fleet.endpoints.map((endpoint) => ({
          ...endpoint,
          check_interval: '2s',
          // On a busy machine a live endpoint may take its time.
          check_timeout: '1900ms',
          headers: { 'X-Fleet-Key': 'a-secret-of-the-fleet' },
        })),
      },
    },
    dashboard,
    callers,
    ...others,
  }
  let changed: Record<string, unknown> = {}
  const load = async () => ({ config: parseConfig({ ...sections, ...changed }), warnings: [] })
  const { config } = await load()
  const app = Fastify({ forceCloseConnections: true })
  await app.register(gateway, { prefix, config, configSource: { file: undefined, load } })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}${prefix}`
  await eventually(async () => {
    const answer = await fetch(`${url}/internal/status/models`)
    return ((await answer.json()) as { total_models: number }).total_models >= 4
  })
  return {
    url,
    page: `${url}/internal/ui/`,
    configure(next) {
      changed = next
    },
    simulators: new Map(fleet.simulators.map((simulator) => [simulator.name, simulator])),
    async close() {
      await app.close()
      await fleet.close()
    },
  }
}

/** Sends a chat; resolves when its answer has ended or was interrupted. */
export async function chat(
  url: string,
  { model = 'llama3.2:3b', tokens = 8, key = '' } = {},
): Promise<string> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(key === '' ? {} : { authorization: `Bearer ${key}` }),
    },
    body: JSON.stringify({
      model,
      stream: true,
      max_tokens: tokens,
      messages: [{ role: 'user', content: 'Tell me of the hills' }],
    }),
  })
  return response.text().catch((error: Error) => `broken off: ${error.message}`)
}

/** Sends chats continuously, several at a time, until it is stopped. */
export function keepChatting(url: string, { atOnce = 3, tokens = 12 } = {}): () => Promise<void> {
  let isOver = false
  const models = ['llama3.2:3b', 'qwen2.5-coder:7b', 'mistral-small']
  const running = Array.from({ length: atOnce }, async (_, index) => {
    for (let count = index; !isOver; count++) {
      await chat(url, { model: models[count % models.length] ?? 'llama3.2:3b', tokens })
    }
  })
  return async () => {
    isOver = true
    await Promise.all(running)
  }
}
