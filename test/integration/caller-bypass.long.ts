import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import Fastify from 'fastify'
import gateway, { parseConfig } from '../../src/index.ts'
import { bearer, callersSecret, configuredKey } from '../support/callers.ts'
import { type ScriptedEndpoint, startScriptedEndpoint } from '../support/scripted-endpoint.ts'
import { eventually } from '../support/simulator.ts'

/** Paths below the routes that end with a wildcard: operations of all APIs, also ones that the gateway does not know. */
const paths = [
  'chat/completions',
  'completions',
  'responses',
  'responses/resp_1',
  'responses/resp_1/cancel',
  'responses/resp_1/input_items',
  'responses/compact',
  'responses/input_tokens',
  'conversations',
  'conversations/conv_1/items',
  'embeddings',
  'images/generations',
  'images/edits',
  'audio/speech',
  'audio/transcriptions',
  'files',
  'files/file_1/content',
  'uploads',
  'batches',
  'batches/batch_1/cancel',
  'fine_tuning/jobs',
  'moderations',
  'rerank',
  'score',
  'realtime/sessions',
  'videos',
  'threads/runs',
  'vector_stores',
  'messages',
  'messages/count_tokens',
  'messages/batches',
  'tokenize',
  'chat',
  'generate',
  'embed',
  'pull',
  'delete',
  'copy',
  'unheard-of',
]
const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

/** What the gateway answers itself, without an endpoint: lists, versions, and what it has stored for the caller. */
const ownAnswers = [
  /\/models(?:\/|$)/,
  /\/tags$/,
  /\/ps$/,
  /^POST .*\/api\/show$/,
  /\/version$/,
  /^GET \/$/,
  /\/api\/hello$/,
  /\/api\/event_logging\//,
  /^POST .*\/conversations$/,
  /^GET \/olla\/[\w-]+$/,
]

interface Case {
  readonly method: string
  readonly url: string
}

/** A gateway in an app, with the requests that its routes allow. */
async function start(t: TestContext, key: Record<string, unknown>, callers: Record<string, unknown> = {}) {
  const endpoint = await startScriptedEndpoint(t, ['m', 'secret'], () => ({
    body: { id: 'x', usage: { prompt_tokens: 50, completion_tokens: 50, total_tokens: 100 } },
  }))
  const own = configuredKey('ci', key)
  const app = Fastify()
  t.after(() => app.close())
  const routes: Case[] = []
  app.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) routes.push({ method: each, url })
  })
  const { url, name } = { url: endpoint.url, name: 'one' }
  const discovery = { static: { endpoints: [{ url, name, type: 'openai-compatible' }] } }
  const config = parseConfig({
    callers: { secret: callersSecret, keys: [own.entry], ...callers },
    proxy: { management: true },
    server: { rate_limits: { global_requests_per_minute: 0, per_ip_requests_per_minute: 0 } },
    discovery,
  })
  await app.register(gateway, { config })
  await app.listen({ host: '127.0.0.1', port: 0 })
  await eventually(async () => (await app.inject('/internal/ready')).statusCode === 200)
  const send = async ({ method, url }: Case, model: string) => {
    const before = endpoint.calls.length
    const { statusCode, body } = await app.inject({
      method: method as 'POST',
      url,
      headers: bearer(own.key),
      ...(method === 'GET' ? {} : { payload: bodyFor(model) }),
    })
    return { statusCode, body, reached: endpoint.calls.slice(before) }
  }
  return { app, endpoint, key: own.key, cases: casesOf(routes), send }
}

const bodyFor = (model: string) => ({
  model,
  name: model,
  source: model,
  max_tokens: 1,
  messages: [{ role: 'user', content: 'x' }],
  prompt: 'x',
  input: 'x',
  query: 'x',
  documents: ['x'],
  text_1: 'x',
  text_2: 'x',
  stream: false,
})

/** Every route of the app outside of `/internal`, with everything that a wildcard stands for. */
function casesOf(routes: readonly Case[]): Case[] {
  const found = new Map<string, Case>()
  const mounts = new Set<string>()
  for (const { method, url } of routes) {
    if (url.startsWith('/internal') || !methods.some((each) => each === method)) continue
    const isMount = /^\/olla\/[\w-]+\/\*$/.test(url) && !url.startsWith('/olla/proxy/')
    if (isMount) mounts.add(url)
    // All mounts of profiles share one handler.
    const below = isMount && mounts.size > 2 ? paths.filter((_, at) => at % 8 === 0) : paths
    const urls = url.endsWith('/*') ? below.map((path) => `${url.slice(0, -1)}${path}`) : [url]
    for (const each of urls.flatMap((path) => (isMount ? [withVersion(path), path] : [path]))) {
      const path = each.replace(/:\w+/g, 'x').replace('*', 'x')
      found.set(`${method} ${path}`, { method, url: path })
    }
  }
  return [...found.values()]
}

const withVersion = (path: string) => path.replace(/^(\/olla\/[\w-]+)\//, '$1/v1/')
const isInference = ({ method, url }: Case) =>
  method === 'POST' && /\/v1\/(?:chat\/completions|completions|responses|embeddings|messages)$/.test(url)

function assertUnreached(reached: ScriptedEndpoint['calls'], { method, url }: Case): void {
  assert.deepEqual(
    reached.map((call) => call.path),
    [],
    `${method} ${url}`,
  )
}

describe('every route of the gateway', () => {
  it('reaches the endpoint for a key within its limits, so that the other tests mean something', async (t) => {
    const { cases, send } = await start(t, {})
    let reached = 0
    for (const each of cases.filter(isInference)) {
      const answer = await send(each, 'm')
      if (answer.reached.length > 0) reached++
      else assert.ok(/^\/olla\/(?!proxy|openai)/.test(each.url), `${each.method} ${each.url} ${answer.body}`)
    }
    assert.ok(reached >= 10, String(reached))
    assert.ok(cases.length > 500, String(cases.length))
    t.diagnostic(`${cases.length} requests`)
  })

  for (const [unit, callers] of [
    ['tokens', {}],
    ['money', { prices: [{ models: ['*'], input: 1e6, output: 1e6 }] }],
  ] as const)
    it(`refuses a key whose budget of ${unit} is used up`, async (t) => {
      const budgets = [{ amount: 60, unit, period: 'ever' }]
      const { cases, send } = await start(t, { limits: { budgets } }, callers)
      const first = await send({ method: 'POST', url: '/v1/chat/completions' }, 'm')
      assert.deepEqual([first.statusCode, first.reached.length], [200, 1], first.body)
      const answered: string[] = []
      for (const each of cases) {
        const { statusCode, body, reached } = await send(each, 'm')
        assertUnreached(reached, each)
        const name = `${each.method} ${each.url}`
        if (isInference(each) && !/^\/olla\/(?!proxy|openai)/.test(each.url))
          assert.match(body, /insufficient_quota|rate_limit_error/, `${name} ${statusCode}`)
        if (statusCode < 400 && !ownAnswers.some((own) => own.test(name))) answered.push(name)
      }
      assert.deepEqual(answered, [])
    })

  it('refuses a disabled key', async (t) => {
    const { cases, send } = await start(t, { enabled: false })
    for (const each of cases) {
      const { statusCode, reached } = await send(each, 'm')
      assertUnreached(reached, each)
      // The version of the gateway is for everyone.
      const isVersion = each.url === '/version'
      assert.equal(statusCode, isVersion ? 200 : 401, `${each.method} ${each.url}`)
    }
  })

  it('refuses a model that the key may not use', async (t) => {
    const { cases, send } = await start(t, { policy: { models: { include: ['m'] } } })
    for (const each of cases.filter(({ method }) => method !== 'GET')) {
      const { reached } = await send(each, 'secret')
      assertUnreached(reached, each)
    }
  })

  it('opens no tunnel for a key whose budget is used up', async (t) => {
    const limits = { budgets: [{ amount: 60, unit: 'tokens', period: 'ever' }] }
    const { app, endpoint, key, send } = await start(t, { limits })
    await send({ method: 'POST', url: '/v1/chat/completions' }, 'm')
    const before = endpoint.calls.length
    const address = app.server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    for (const path of ['/v1/realtime?model=m', '/olla/proxy/v1/realtime', '/v1/chat/completions']) {
      const socket = connect(port, '127.0.0.1')
      const head = ['Host: localhost', `Authorization: Bearer ${key}`, 'Connection: Upgrade']
      const upgrade = ['Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: eA==']
      socket.write([`GET ${path} HTTP/1.1`, ...head, ...upgrade, '', ''].join('\r\n'))
      const [answer] = (await once(socket, 'data')) as [Buffer]
      socket.destroy()
      assert.match(answer.toString('latin1'), /^HTTP\/1\.1 (?:401|404|429|501) /, path)
    }
    assert.equal(endpoint.calls.length, before)
  })
})
