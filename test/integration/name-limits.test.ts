import assert from 'node:assert/strict'
import { after, before, describe, it, type TestContext } from 'node:test'
import { type RunningGateway, startGateway } from '../support/gateway.ts'
import { jsonAnswer, type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts'

const limit = 512
const json = { 'content-type': 'application/json' }
const form = { 'content-type': 'application/x-www-form-urlencoded' }
const multipart = { 'content-type': 'multipart/form-data; boundary=b' }
const parts = (model: string) =>
  `--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n${model}\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n--b--\r\n`
const messages = [{ role: 'user', content: 'q' }]

interface Row {
  readonly title: string
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: (model: string) => string
  /** The key that holds the error's text in the caller's dialect. */
  readonly dialect: 'openai' | 'anthropic' | 'ollama'
}

const rows: readonly Row[] = [
  ...[
    '/v1/chat/completions',
    '/v1/responses',
    '/v1/embeddings',
    '/olla/proxy/v1/completions',
    '/v1/other',
  ].map(
    (path): Row => ({
      title: `the JSON of ${path}`,
      path,
      headers: json,
      body: (model) => JSON.stringify({ model, messages, input: 'q' }),
      dialect: 'openai',
    }),
  ),
  ...['/api/chat', '/api/generate', '/olla/ollama/api/embed', '/api/show'].flatMap((path) =>
    ['model', 'name'].map(
      (key): Row => ({
        title: `"${key}" of ${path}`,
        path,
        headers: json,
        body: (model) => JSON.stringify({ [key]: model, messages }),
        dialect: 'ollama',
      }),
    ),
  ),
  ...['/v1/messages', '/olla/anthropic/v1/messages', '/v1/messages/count_tokens'].map(
    (path): Row => ({
      title: `the JSON of ${path}`,
      path,
      headers: json,
      body: (model) => JSON.stringify({ model, max_tokens: 5, messages }),
      dialect: 'anthropic',
    }),
  ),
  {
    title: 'another spelling of the key',
    path: '/v1/completions',
    headers: json,
    body: (model) => `{"Model":${JSON.stringify(model)}}`,
    dialect: 'openai',
  },
  {
    title: 'an escaped JSON text',
    path: '/v1/completions',
    headers: json,
    body: (model) => `{"model":"${model.replaceAll('m', '\\u006d')}"}`,
    dialect: 'openai',
  },
  {
    title: 'a form',
    path: '/v1/completions',
    headers: form,
    body: (model) => `prompt=q&model=${model}`,
    dialect: 'openai',
  },
  {
    title: 'a multipart form',
    path: '/v1/audio/transcriptions',
    headers: multipart,
    body: parts,
    dialect: 'openai',
  },
]

const textOf = {
  openai: (body: unknown) => (body as { error: { message: string; code: string } }).error.message,
  anthropic: (body: unknown) => (body as { type: 'error'; error: { message: string } }).error.message,
  ollama: (body: unknown) => (body as { error: string }).error,
}

describe('the name of a model', () => {
  let gateway: RunningGateway
  let upstream: RawUpstream

  const ends: (() => unknown)[] = []
  after(async () => {
    for (const end of ends) await end()
  })
  before(async (t) => {
    const context = { ...t, after: (end: () => unknown) => void ends.unshift(end) } as TestContext
    const answer = '{"id":"x","object":"y","choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}'
    upstream = await startRawUpstream(context, ({ socket }) => void socket.write(jsonAnswer(answer)))
    gateway = await startGateway(context, [{ url: upstream.url }])
  })

  const send = async ({ path, headers, body }: Row, model: string) => {
    const response = await fetch(`${gateway.url}${path}`, { method: 'POST', headers, body: body(model) })
    return { response, body: (await response.json()) as unknown }
  }

  for (const row of rows) {
    it(`is refused beyond ${limit} characters in ${row.title}`, async () => {
      for (const length of [limit + 1, 100_000]) {
        const { response, body } = await send(row, 'm'.repeat(length))
        assert.equal(response.status, 400)
        assert.match(textOf[row.dialect](body), /longer than 512 characters/)
        assert.ok(JSON.stringify(body).length < 1_000)
        for (const value of response.headers.values()) assert.ok(value.length < 1_000)
      }
      assert.equal(upstream.requests.length, 0)
    })

    it(`is read up to ${limit} characters in ${row.title}`, async () => {
      for (const name of ['m'.repeat(limit), '模'.repeat(limit)]) {
        const { body } = await send(row, name)
        assert.doesNotMatch(JSON.stringify(body), /longer than/)
      }
    })
  }

  it('is refused in a query', async () => {
    for (const length of [limit + 1, 100_000]) {
      const response = await fetch(`${gateway.url}/v1/props?model=${'m'.repeat(length)}`)
      assert.equal(response.status, 400)
      assert.match(await response.text(), /longer than 512 characters/)
    }
  })

  it('is not repeated if a path names no model', async () => {
    for (const path of ['/v1/models/', '/olla/models/', '/olla/anthropic/v1/models/']) {
      const response = await fetch(`${gateway.url}${path}${'m'.repeat(50_000)}`)
      assert.equal(response.status, 404)
      assert.ok((await response.text()).length < 1_000)
    }
  })
})

describe('the ID of a session', () => {
  it('counts at any length, and is repeated only if a client can read it', async (t) => {
    const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(jsonAnswer('{"ok":true}')))
    const gateway = await startGateway(t, [{ url: upstream.url }], {
      proxy: { sticky_sessions: { enabled: true, key_sources: ['session_header'] } },
    })
    const told = async (id: string) => {
      const response = await fetch(`${gateway.url}/v1/other`, {
        method: 'POST',
        headers: { ...json, 'x-olla-session-id': id },
        body: '{"model":"m"}',
      })
      assert.equal(response.headers.get('x-olla-sticky-key-source'), 'session_header')
      return response.headers.get('x-olla-session-id')
    }
    assert.equal(await told('s'.repeat(512)), 's'.repeat(512))
    assert.equal(await told('s'.repeat(513)), null)
  })
})
