import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startGateway } from '../support/gateway.ts'
import { eventually, withSimulator } from '../support/simulator.ts'

interface Recent {
  readonly id: string
  readonly path: string
  readonly translation: string | null
}

const post = (url: string, path: string, body: object) =>
  fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', ...body }),
  })

describe('a translated request', () => {
  it('has its APIs in the metrics, the statistics and its timeline', async (t) => {
    const simulator = await withSimulator(t, { kind: 'lmdeploy', models: ['m'] })
    const { url } = await startGateway(t, [{ url: simulator.url, type: 'lmdeploy' }])
    for (const stream of [true, false]) {
      const response = await post(url, '/v1/responses', { input: 'x', stream })
      assert.equal(response.headers.get('x-olla-mode'), 'translated')
      await response.text()
    }
    await (await post(url, '/api/chat', { messages: [{ role: 'user', content: 'x' }] })).text()
    const messages = { max_tokens: 5, messages: [{ role: 'user', content: 'x' }] }
    await (await post(url, '/v1/messages', messages)).text()
    const chat = await post(url, '/v1/chat/completions', messages)
    assert.equal(chat.headers.get('x-olla-mode'), 'passthrough')
    await chat.text()

    const read = async (path: string) => (await fetch(`${url}${path}`)).text()
    const line = (from: string, count: number) =>
      `olla_translated_requests_total{from="${from}",to="chat",outcome="success"} ${count}`
    await eventually(async () => {
      const metrics = await read('/internal/metrics')
      return [line('responses', 2), line('ollama-chat', 1), line('messages', 1)].every((each) =>
        metrics.includes(each),
      )
    })
    const metrics = await read('/internal/metrics')
    assert.equal(metrics.match(/^olla_translated_requests_total\{/gm)?.length, 3)
    const { translations } = JSON.parse(await read('/internal/stats/translators'))
    assert.deepEqual(translations[0], {
      from: 'responses',
      to: 'chat',
      total_requests: 2,
      successful_requests: 2,
    })
    const { requests }: { requests: Recent[] } = JSON.parse(await read('/internal/requests'))
    const of = (path: string) => requests.find((each) => each.path.startsWith(path))
    assert.equal(of('/v1/chat')?.translation, null)
    const detail = JSON.parse(await read(`/internal/requests/${of('/v1/responses')?.id}`))
    const [, , , translated] = detail.timeline
    assert.deepEqual([translated.name, translated.translation], ['translated', 'responses to chat'])
  })
})

describe('a chat for an endpoint that turns out not to have chats', () => {
  for (const stream of [false, true]) {
    it(`is translated at once, ${stream ? 'streamed' : 'whole'}`, async (t) => {
      const simulator = await withSimulator(t, { kind: 'ollama', models: ['m'] })
      const { url } = await startGateway(t, [{ url: simulator.url, type: 'ollama' }])
      await simulator.control.setFault({
        kind: 'status',
        status: 404,
        path: '/v1/chat/completions',
        body: '404 page not found',
      })
      const ask = () =>
        post(url, '/v1/chat/completions', { stream, messages: [{ role: 'user', content: 'x' }] })
      for (const mode of ['translated', 'translated']) {
        const response = await ask()
        assert.deepEqual([response.status, response.headers.get('x-olla-mode')], [200, mode])
        assert.match(await response.text(), stream ? /data: \[DONE\]/ : /"object":"chat.completion"/)
      }
      const paths = simulator.control.requests().map(({ path }) => path)
      assert.equal(paths.filter((path) => path === '/v1/chat/completions').length, 1)
    })
  }

  it('keeps the error of the endpoint if it cannot be translated', async (t) => {
    const simulator = await withSimulator(t, { kind: 'ollama', models: ['m'] })
    const { url } = await startGateway(t, [{ url: simulator.url, type: 'ollama' }])
    await simulator.control.setFault({
      kind: 'status',
      status: 404,
      path: '/v1/chat/completions',
      body: '404 page not found',
    })
    const response = await post(url, '/v1/chat/completions', {
      n: 2,
      messages: [{ role: 'user', content: 'x' }],
    })
    await response.text()
    assert.ok(response.status === 404 || response.status === 400, String(response.status))
  })
})

describe('a request that loads a model', () => {
  const requests: readonly (readonly [string, object])[] = [
    ['/api/chat', { messages: [] }],
    ['/api/generate', {}],
    ['/api/generate', { keep_alive: 0 }],
  ]
  for (const [path, body] of requests) {
    it(`fails over to an endpoint of another API: ${path} ${JSON.stringify(body)}`, async (t) => {
      const ollama = await withSimulator(t, { kind: 'ollama', models: ['m'] })
      const chat = await withSimulator(t, { kind: 'lmdeploy', models: ['m'] })
      const { url } = await startGateway(t, [
        { url: ollama.url, type: 'ollama' },
        { url: chat.url, type: 'lmdeploy', name: 'chat' },
      ])
      await ollama.control.setFault({ kind: 'status', status: 503, path })
      const response = await post(url, path, body)
      assert.deepEqual([response.status, response.headers.get('x-olla-endpoint')], [200, 'chat'])
      const answer = await response.json()
      assert.equal(typeof answer, 'object')
      assert.deepEqual([Reflect.get(answer ?? {}, 'model'), Reflect.get(answer ?? {}, 'done')], ['m', true])
      assert.ok(!chat.control.requests().some(({ method }) => method === 'POST'))
    })
  }
})
