import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { describe, it, type TestContext } from 'node:test'
import { Ollama } from 'ollama'
import { freePort } from '../support/free-port.ts'
import { startGateway } from '../support/gateway.ts'
import { eventually, withSimulator } from '../support/simulator.ts'

interface Line {
  readonly status?: string
  readonly error?: string
  readonly digest?: string
  readonly total?: number
  readonly completed?: number
}

async function group(t: TestContext, names: readonly string[], more: Record<string, unknown> = {}) {
  const servers = await Promise.all(
    ['one', 'two'].map((name) => withSimulator(t, { kind: 'ollama', name, models: ['base:1b'] })),
  )
  const other = await withSimulator(t, { kind: 'vllm', models: ['base:1b'] })
  const gateway = await startGateway(
    t,
    [
      ...servers.map(({ name, url }) => ({ url, name, type: 'ollama' })),
      { url: other.url, name: 'three', type: 'vllm' },
    ],
    { proxy: { management_endpoints: names }, ...more },
  )
  const ask = async (method: string, path: string, body?: object, headers: Record<string, string> = {}) => {
    const response = await fetch(`${gateway.url}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: response.status, headers: response.headers, text: await response.text() }
  }
  const models = async () => {
    const { text } = await ask('GET', '/api/tags')
    return (JSON.parse(text) as { models: { name: string }[] }).models.map(({ name }) => name).sort()
  }
  const asked = (path: string) =>
    servers.map(({ control }) => control.requests().filter(({ url }) => url === path).length)
  return { gateway, servers, other, ask, models, asked, ollama: new Ollama({ host: gateway.url }) }
}

const linesOf = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)

/** An Ollama server of which only the answer to `/api/pull` matters. */
async function puller(t: TestContext, lines: readonly object[], ending: 'end' | 'hang' | 'cut' = 'end') {
  let closed = 0
  let open = 0
  const server = createServer((request, response) => {
    if (request.url === '/api/tags') response.end('{"models":[{"name":"base:1b","model":"base:1b"}]}')
    else if (request.url !== '/api/pull') response.end('{"version":"0.13.0"}')
    else {
      open++
      response.on('close', () => {
        open--
        closed++
      })
      response.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
      if (ending === 'end') response.end()
      if (ending === 'cut') setImmediate(() => response.destroy())
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, open: () => open, closed: () => closed }
}

async function pullFrom(t: TestContext, urls: readonly string[], http_server = 'own') {
  const gateway = await startGateway(
    t,
    urls.map((url, at) => ({ url, name: `e${at}`, type: 'ollama' })),
    { proxy: { management_endpoints: ['*'] }, server: { http_server } },
    { awaitRoutable: 1 },
  )
  return (body: object, signal: AbortSignal | null = null) =>
    fetch(`${gateway.url}/api/pull`, { method: 'POST', body: JSON.stringify(body), signal })
}

describe('model management of a group', () => {
  it('pulls, copies, pushes, creates and deletes on all, as the SDK sees it', async (t) => {
    const { ollama, models, servers, asked, other } = await group(t, ['*'])
    const lines: Line[] = []
    for await (const line of await ollama.pull({ model: 'new:1b', stream: true })) lines.push(line)
    assert.deepEqual(
      lines.filter(({ digest }) => digest === undefined),
      [
        { status: 'pulling manifest' },
        { status: 'verifying sha256 digest' },
        { status: 'writing manifest' },
        { status: 'success' },
      ],
    )
    const layers = lines.filter(({ digest }) => digest !== undefined)
    assert.equal(layers.at(-1)?.completed, layers.at(-1)?.total)
    for (const [at, { completed }] of layers.entries())
      assert.ok((completed ?? 0) >= (layers[at - 1]?.completed ?? 0))
    assert.deepEqual(asked('/api/pull'), [1, 1])
    // A client may use the model at once.
    assert.deepEqual(await models(), ['base:1b', 'new:1b'])

    assert.deepEqual(await ollama.pull({ model: 'second' }), { status: 'success' })
    await ollama.copy({ source: 'new:1b', destination: 'copied' })
    assert.deepEqual(await ollama.push({ model: 'copied' }), { status: 'success' })
    assert.deepEqual(await ollama.create({ model: 'made', from: 'base:1b' }), { status: 'success' })
    assert.deepEqual(await models(), ['base:1b', 'copied:latest', 'made:latest', 'new:1b', 'second:latest'])
    for (const name of ['new:1b', 'second', 'copied', 'made']) await ollama.delete({ model: name })
    assert.deepEqual(await models(), ['base:1b'])
    assert.deepEqual(asked('/api/delete'), [4, 4])
    assert.equal(other.control.requests().filter(({ method }) => method !== 'GET').length, 0)
    assert.equal(servers.length, 2)
  })

  it('answers as an endpoint does where all fail alike', async (t) => {
    const { ask, ollama } = await group(t, ['one', 'two'])
    const copied = await ask('POST', '/api/copy', { source: 'none', destination: 'x' })
    assert.equal(copied.status, 404)
    assert.deepEqual(JSON.parse(copied.text), {
      error: "one: model 'none' not found; two: model 'none' not found",
    })
    await assert.rejects(ollama.delete({ model: 'none' }), { name: 'ResponseError', status_code: 404 })
    const refused = await ask('POST', '/api/create', { model: 'x' })
    assert.equal(refused.status, 400)
    await assert.rejects(ollama.pull({ model: 'missing' }), /one: pull model manifest: file does not exist/)
    for (const body of [undefined, []]) assert.equal((await ask('POST', '/api/pull', body)).status, 400)
  })

  it('names the endpoints that failed, and does the rest', async (t) => {
    const { ask, servers, models } = await group(t, ['one', 'two'])
    await servers[1]?.control.setFault({
      kind: 'status',
      path: '/api/copy',
      status: 500,
      body: '{"error":"disk full"}',
    })
    const copied = await ask('POST', '/api/copy', { source: 'base:1b', destination: 'x' })
    assert.deepEqual(
      [copied.status, JSON.parse(copied.text)],
      [500, { error: 'two: disk full; succeeded on one' }],
    )
    // The copy is on one of them only.
    assert.deepEqual(await models(), ['base:1b', 'x:latest'])
    const deleted = await ask('DELETE', '/api/delete', { name: 'x' })
    assert.deepEqual([deleted.status, deleted.text], [200, ''])
    assert.deepEqual(await models(), ['base:1b'])
  })

  it('reports the slowest, and an error only at the end', async (t) => {
    const digest = 'sha256:ab'
    const part = (completed: number) => ({ status: 'pulling ab', digest, total: 10, completed })
    const fast = await puller(t, [part(10), { status: 'success' }])
    const broken = await puller(t, [part(4), { error: 'max retries exceeded' }])
    const pull = await pullFrom(t, [fast.url, broken.url, `http://127.0.0.1:${await freePort()}`])
    const lines = linesOf(await (await pull({ model: 'x' })).text())
    assert.deepEqual(lines.at(-1), {
      error: 'e2: connection refused; e1: max retries exceeded; succeeded on e0',
    })
    assert.equal(lines.filter(({ error }) => error !== undefined).length, 1)
    assert.equal(lines.filter(({ status }) => status === 'success').length, 0)
    assert.ok(lines.some(({ status }) => status === 'e2 failed: connection refused'))
    const whole = await pull({ model: 'x', stream: false })
    assert.deepEqual([whole.status, linesOf(await whole.text()).length], [502, 1])
  })

  it('fails with an endpoint that is cut off', async (t) => {
    const cut = await puller(t, [{ status: 'pulling manifest' }], 'cut')
    const short = await puller(t, [{ status: 'pulling manifest' }])
    const pull = await pullFrom(t, [cut.url, short.url])
    const last = linesOf(await (await pull({ model: 'x' })).text()).at(-1)?.error ?? ''
    assert.match(last, /e0: connection (?:closed|reset)/)
    assert.match(last, /e1: the answer ended before the success/)
  })

  for (const http_server of ['own', 'node'])
    it(`stops on all endpoints when the client of the ${http_server} HTTP server disconnects`, async (t) => {
      const pullers = await Promise.all([0, 1].map(() => puller(t, [{ status: 'pulling manifest' }], 'hang')))
      const pull = await pullFrom(
        t,
        pullers.map(({ url }) => url),
        http_server,
      )
      for (const stream of [true, false]) {
        const before = pullers.map(({ closed }) => closed())
        const leaving = new AbortController()
        const pulled = pull({ model: 'x', stream }, leaving.signal).catch(() => undefined)
        await eventually(() => pullers.every(({ open }) => open() === 1))
        if (stream) await (await pulled)?.body?.getReader().read()
        leaving.abort()
        await eventually(() => pullers.every(({ closed }, at) => closed() === (before[at] ?? 0) + 1))
        await pulled
      }
    })
})

describe('model management of one endpoint', () => {
  it('passes everything as it is', async (t) => {
    const { ask, asked, models, servers } = await group(t, ['two'])
    const pulled = await ask('POST', '/api/pull', { model: 'new:1b' })
    const direct = await fetch(`${servers[1]?.url}/api/pull`, { method: 'POST', body: '{"model":"new:1b"}' })
    assert.equal(pulled.text, await direct.text())
    assert.equal(pulled.headers.get('content-type'), direct.headers.get('content-type'))
    assert.equal(pulled.headers.get('x-olla-endpoint'), 'two')
    assert.deepEqual(await models(), ['base:1b', 'new:1b'])
    const removed = await ask('DELETE', '/olla/ollama/api/delete', { model: 'none' })
    assert.deepEqual([removed.status, removed.text], [404, '{"error":"model \'none\' not found"}'])
    assert.deepEqual(asked('/api/pull'), [0, 2])
    const whole = await ask('POST', '/olla/proxy/api/pull', { model: 'missing', stream: false })
    assert.deepEqual(
      [whole.status, JSON.parse(whole.text)],
      [500, { error: 'pull model manifest: file does not exist' }],
    )
  })

  it('ends a stream that breaks with an error', async (t) => {
    const cut = await puller(t, [{ status: 'pulling manifest' }], 'cut')
    const pull = await pullFrom(t, [cut.url])
    const lines = linesOf(await (await pull({ model: 'x' })).text())
    assert.match(lines.at(-1)?.error ?? '', /^e0: connection (?:closed|reset)/)
  })
})

for (const http_server of ['own', 'node'])
  describe(`blobs through the ${http_server} HTTP server`, () => {
    it('go to all endpoints, with and without a length', async (t) => {
      const { gateway, ask, servers } = await group(t, ['*'], {
        server: { http_server, request_limits: { max_body_size: '1MB' } },
      })
      const bytes = randomBytes(3_000_000)
      const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
      const path = `/api/blobs/${digest}`
      assert.equal((await ask('HEAD', path)).status, 404)
      const first = await fetch(`${servers[0]?.url}${path}`, { method: 'POST', body: bytes })
      assert.equal(first.status, 201)
      // One of two has it.
      assert.equal((await ask('HEAD', path)).status, 404)
      const sent = await fetch(`${gateway.url}${path}`, { method: 'POST', body: bytes })
      assert.deepEqual([sent.status, await sent.text()], [201, ''])
      assert.equal((await ask('HEAD', path)).status, 200)

      const wrong = `/api/blobs/sha256:${'0'.repeat(64)}`
      const streamed = await fetch(`${gateway.url}${wrong}`, {
        method: 'POST',
        body: Readable.from([bytes.subarray(0, 1_000_000), bytes.subarray(1_000_000)]),
        duplex: 'half',
      })
      assert.equal(streamed.status, 400)
      assert.deepEqual(await streamed.json(), { error: 'one: digest mismatch; two: digest mismatch' })
      const received = servers.map(
        ({ control }) => control.requests().findLast(({ url }) => url === wrong)?.bodySha256,
      )
      assert.deepEqual(received, [digest.slice(7), digest.slice(7)])
    })

    it('name an endpoint that is down', async (t) => {
      const { gateway, servers, ask } = await group(t, ['*'], { server: { http_server } })
      await servers[1]?.close()
      const bytes = randomBytes(300_000)
      const path = `/api/blobs/sha256:${createHash('sha256').update(bytes).digest('hex')}`
      const sent = await fetch(`${gateway.url}${path}`, { method: 'POST', body: bytes })
      assert.equal(sent.status, 502)
      assert.deepEqual(await sent.json(), { error: 'two: connection refused; succeeded on one' })
      assert.equal((await ask('HEAD', path)).status, 502)
    })
  })

describe('the explanation of model management', () => {
  it('names the endpoints, or the refusal', async (t) => {
    for (const [names, decision, chosen] of [
      [['*'], 'routed', ['one', 'two']],
      [[], 'rejected', []],
    ] as const) {
      const { ask } = await group(t, names)
      const { status, text } = await ask('POST', '/internal/explain', {
        path: '/api/pull',
        body: { name: 'new' },
      })
      const explained = JSON.parse(text) as {
        decision: string
        endpoints: { endpoint: string; chosen: boolean }[]
      }
      assert.deepEqual([status, explained.decision], [200, decision])
      const wanted = explained.endpoints.filter((row) => row.chosen).map(({ endpoint }) => endpoint)
      assert.deepEqual(wanted, chosen)
    }
  })
})

describe('access to model management', () => {
  it('is refused by default, and to clients and pages that may not change anything', async (t) => {
    const { ask, asked } = await group(t, [])
    assert.equal((await ask('POST', '/api/pull', { model: 'x' })).status, 501)
    assert.deepEqual(asked('/api/pull'), [0, 0])

    const local = await group(t, ['*'])
    for (const headers of [
      { origin: 'https://evil.example' },
      { 'sec-fetch-site': 'cross-site' },
      { origin: 'null' },
    ]) {
      const { status, text } = await local.ask('POST', '/api/pull', { model: 'x' }, headers)
      assert.equal(status, 403, JSON.stringify(headers))
      assert.equal(typeof JSON.parse(text).error, 'string')
    }
    assert.deepEqual(local.asked('/api/pull'), [0, 0])
    for (const path of ['/v1/load_lora_adapter', '/olla/vllm/api/pull', '/olla/proxy/shutdown'])
      assert.equal((await local.ask('POST', path, { model: 'x' })).status, 501, path)

    const closed = await group(t, ['*'], { dashboard: { access_policy: { allowed_cidrs: ['10.0.0.0/8'] } } })
    const { status, text } = await closed.ask('POST', '/api/pull', { model: 'x' })
    assert.deepEqual([status, /dashboard\.access_policy/.test(text)], [403, true])
    assert.deepEqual(closed.asked('/api/pull'), [0, 0])
  })

  it('is granted by the admin token', async (t) => {
    const token = 'management-token-0123456789'
    const { ask } = await group(t, ['one'], {
      dashboard: { admin_token: token, access_policy: { allowed_cidrs: ['10.0.0.0/8'] } },
    })
    assert.equal((await ask('DELETE', '/api/delete', { model: 'base:1b' })).status, 401)
    const headers = { authorization: `Bearer ${token}` }
    assert.equal((await ask('DELETE', '/api/delete', { model: 'base:1b' }, headers)).status, 200)
  })
})
