import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import type { GatewayEvent } from '../../src/runtime/events/events.ts'
import { type EndpointInput, startGateway } from '../support/gateway.ts'
import { eventually } from '../support/simulator.ts'

const openaiList =
  '{"object":"list","data":[{"id":"m","object":"model","owned_by":"vllm","max_model_len":10}]}'
/** Answers by path of servers that are healthy; any other path is a 404. */
const servers = {
  vllm: { '/': 'ok', '/health': '', '/v1/models': openaiList, '/version': '{"version":"0.9.0"}' },
  emptyOllama: {
    '/': 'Ollama is running',
    '/api/version': '{"version":"0.9.0"}',
    '/api/tags': '{"models":[]}',
    '/v1/models': '{"object":"list","data":[]}',
    '/health': '',
  },
  page: { '/': '<html>', '/health': '<html>', '/api/tags': '<html>', '/v1/models': '<html>' },
} as const

describe('a healthy endpoint of another type than the configuration says', () => {
  const rows: readonly (readonly [server: keyof typeof servers, type: string, reason: RegExp])[] = [
    ['vllm', 'ollama', /status 404; .*its type is ollama: try type: auto$/],
    ['vllm', 'lm-studio', /status 404; .*its type is lm-studio: try type: auto$/],
    [
      'emptyOllama',
      'vllm',
      /^it answers, but lists no models; it looks like ollama; its type is vllm: try type: auto$/,
    ],
    ['emptyOllama', 'ollama', /^it answers, but lists no models$/],
    ['page', 'ollama', /its type is ollama: try type: auto$/],
    ['page', 'vllm', /its type is vllm: try type: auto$/],
  ]
  for (const [server, type, reason] of rows) {
    it(`is reported: a server like ${server} as ${type}`, async (t) => {
      const url = await startServer(t, servers[server])
      const events = await eventsOf(t, [{ url, type, name: 'odd' }])
      await eventually(() => events.some((event) => event.type === 'discovery.failed'))
      const failed = events.filter((event) => event.type === 'discovery.failed')
      assert.match(failed[0]?.data.reason ?? '', reason)
    })
  }

  it('is not reported if the type is right', async (t) => {
    const url = await startServer(t, servers.vllm)
    const events = await eventsOf(t, [{ url, type: 'vllm', name: 'right' }])
    await eventually(() => events.some((event) => event.type === 'discovery.completed'))
    assert.deepEqual(
      events.filter((event) => event.type === 'discovery.failed'),
      [],
    )
  })
})

async function eventsOf(
  t: TestContext,
  endpoints: readonly EndpointInput[],
): Promise<readonly GatewayEvent[]> {
  const events: GatewayEvent[] = []
  await startGateway(
    t,
    endpoints,
    { discovery: { model_discovery: { retry_attempts: 0 } } },
    { awaitRoutable: 0, gateway: { onEvent: (event) => void events.push(event) } },
  )
  return events
}

async function startServer(t: TestContext, answers: Readonly<Record<string, string>>): Promise<string> {
  const server = createServer(({ url = '/' }, response) => {
    const answer = answers[url]
    response.setHeader('Content-Type', answer?.startsWith('{') === true ? 'application/json' : 'text/html')
    if (answer === undefined) response.statusCode = 404
    response.end(answer ?? '{"detail":"Not Found"}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
