import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { startGateway } from '../support/gateway.ts'
import { engineOf, engines } from './engines.ts'

interface Asked {
  readonly path: string
  readonly body: Record<string, unknown>
}

type Answer = (request: Asked, reply: (status: number, type: string, body: string) => void) => void

/** An endpoint with one model, and what it was asked. */
async function startEndpoint(t: TestContext, answer: Answer) {
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => (text += chunk.toString()))
    request.on('end', () => {
      const reply = (status: number, type: string, body: string) =>
        response.writeHead(status, { 'content-type': type }).end(body)
      const path = request.url ?? ''
      if (request.method === 'GET') {
        reply(
          200,
          'application/json',
          '{"object":"list","data":[{"id":"m"}],"models":[{"name":"m","model":"m"}],"version":"0.15.0"}',
        )
        return
      }
      const each = { path, body: JSON.parse(text) as Record<string, unknown> }
      asked.push(each)
      answer(each, reply)
    })
  })
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.after(() => server.close())
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const post = (url: string, path: string, body: object) =>
  fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

const stream =
  'data: {"choices":[{"index":0,"delta":{"content":"fine"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
const whole =
  '{"choices":[{"index":0,"message":{"role":"assistant","content":"fine"},"finish_reason":"stop"}]}'
const chat = { model: 'm', stream: true, messages: [{ role: 'user', content: 'hi' }] }
const message = { ...chat, max_tokens: 9 }

for (const engine of engines) {
  describe(`what the ${engine} engine adds to requests`, () => {
    for (const [path, body, type] of [
      ['/v1/chat/completions', chat, 'vllm'],
      ['/v1/messages', message, 'openai-compatible'],
    ] as const) {
      it(`does not fail ${path} on an endpoint that refuses it, and is not sent there again`, async (t) => {
        const { asked, url } = await startEndpoint(t, ({ body }, reply) =>
          body.stream_options === undefined
            ? reply(200, 'text/event-stream', stream)
            : reply(422, 'application/json', '{"detail":[{"loc":["body","stream_options"],"msg":"extra"}]}'),
        )
        const gateway = await startGateway(t, [{ url, type }], { proxy: engineOf(engine) })
        for (const requests of [2, 3]) {
          const response = await post(gateway.url, path, body)
          assert.equal(response.status, 200)
          assert.match(await response.text(), /fine/)
          assert.equal(asked.length, requests)
        }
      })
    }

    it('is retried for an error of the request itself, and not remembered', async (t) => {
      const { asked, url } = await startEndpoint(t, (_request, reply) =>
        reply(400, 'application/json', '{"error":{"message":"bad"}}'),
      )
      const gateway = await startGateway(t, [{ url, type: 'vllm' }], { proxy: engineOf(engine) })
      for (const requests of [2, 4]) {
        const response = await post(gateway.url, '/v1/chat/completions', chat)
        assert.equal(await response.text(), '{"error":{"message":"bad"}}')
        assert.equal(asked.length, requests)
      }
    })
  })

  describe(`Messages that the ${engine} engine passes through`, () => {
    for (const [name, status, type, refusal] of [
      ['404', 404, 'text/plain', '404 page not found'],
      ['405', 405, 'application/json', '{"detail":"Method Not Allowed"}'],
      ['501', 501, 'application/json', '{"error":{"message":"not implemented"}}'],
      [
        'LM Studio’s 200',
        200,
        'application/json',
        '{"error":"Unexpected endpoint or method. (POST /v1/messages)"}',
      ],
    ] as const) {
      it(`are translated if the endpoint lacks the path (${name}), which is remembered`, async (t) => {
        const { asked, url } = await startEndpoint(t, ({ path, body }, reply) => {
          if (path === '/v1/messages') reply(status, type, refusal)
          else if (body.stream === true) reply(200, 'text/event-stream', stream)
          else reply(200, 'application/json', whole)
        })
        const gateway = await startGateway(t, [{ url, type: 'ollama' }], { proxy: engineOf(engine) })
        for (const isStream of [false, true]) {
          const response = await post(gateway.url, '/v1/messages', { ...message, stream: isStream })
          assert.equal(response.status, 200)
          assert.match(await response.text(), /fine/)
          assert.equal(response.headers.get('x-olla-mode'), null)
        }
        assert.deepEqual(
          asked.map(({ path }) => path),
          ['/v1/messages', '/v1/chat/completions', '/v1/chat/completions'],
        )
      })
    }

    it('are translated and sent without refused fields, and both are remembered', async (t) => {
      const { asked, url } = await startEndpoint(t, ({ path, body }, reply) => {
        if (path === '/v1/messages') reply(404, 'application/json', '{"detail":"Not Found"}')
        else if (body.stream_options !== undefined)
          reply(400, 'application/json', '{"message":"Extra inputs are not permitted: stream_options"}')
        else reply(200, 'text/event-stream', stream)
      })
      const gateway = await startGateway(t, [{ url, type: 'vllm' }], { proxy: engineOf(engine) })
      for (const requests of [3, 4]) {
        const response = await post(gateway.url, '/v1/messages', message)
        assert.equal(response.status, 200)
        assert.match(await response.text(), /fine/)
        assert.equal(asked.length, requests)
      }
    })

    it('are translated if the endpoint does not know one of their fields', async (t) => {
      const { url } = await startEndpoint(t, ({ path }, reply) =>
        path === '/v1/messages'
          ? reply(
              400,
              'application/json',
              '{"type":"error","error":{"type":"invalid_request_error","message":"thinking: Extra inputs are not permitted"}}',
            )
          : reply(200, 'application/json', whole),
      )
      const gateway = await startGateway(t, [{ url, type: 'ollama' }], { proxy: engineOf(engine) })
      const response = await post(gateway.url, '/v1/messages', { ...message, stream: false })
      assert.match(await response.text(), /fine/)
    })

    const start =
      'event: message_start\ndata: {"type":"message_start","message":{"id":"x","model":"m","usage":{}}}\n\n'
    const block =
      'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"half"}}\n\n'
    for (const [name, type, body, expected] of [
      [
        'that end early',
        'text/event-stream',
        start + block,
        /half[\s\S]*event: error\ndata: \{"type":"error"/,
      ],
      [
        'with an error in OpenAI’s form',
        'text/event-stream',
        `${start}${block}data: {"error":{"message":"slot lost"}}\n\ndata: [DONE]\n\n`,
        /event: error\ndata: .*slot lost/,
      ],
    ] as const) {
      it(`end in an error event, for streams ${name}`, async (t) => {
        const { url } = await startEndpoint(t, (_request, reply) => reply(200, type, body))
        const gateway = await startGateway(t, [{ url, type: 'ollama' }], { proxy: engineOf(engine) })
        const response = await post(gateway.url, '/v1/messages', message)
        let text = ''
        const decoder = new TextDecoder()
        await assert.rejects(async () => {
          for await (const chunk of response.body ?? []) text += decoder.decode(chunk)
        })
        assert.match(text, expected)
      })
    }

    it('become a stream if the client requested one and a whole message arrived', async (t) => {
      const told = {
        id: 'x',
        type: 'message',
        role: 'assistant',
        model: 'm',
        content: [
          { type: 'text', text: 'fine' },
          { type: 'tool_use', id: 't', name: 'f', input: { a: 1 } },
        ],
        stop_reason: 'tool_use',
        stop_sequence: null,
        usage: { input_tokens: 3, output_tokens: 2 },
      }
      const { url } = await startEndpoint(t, (_request, reply) =>
        reply(200, 'application/json', JSON.stringify(told)),
      )
      const gateway = await startGateway(t, [{ url, type: 'ollama' }], { proxy: engineOf(engine) })
      const response = await post(gateway.url, '/v1/messages', message)
      assert.match(response.headers.get('content-type') ?? '', /event-stream/)
      const events = (await response.text()).match(/^event: .*$/gm)
      assert.deepEqual(
        events,
        [
          'message_start',
          'content_block_start',
          'content_block_delta',
          'content_block_stop',
          'content_block_start',
          'content_block_delta',
          'content_block_stop',
          'message_delta',
          'message_stop',
        ].map((name) => `event: ${name}`),
      )
    })

    it('are errors with their own status if a 200 contains one', async (t) => {
      const { url } = await startEndpoint(t, (_request, reply) =>
        reply(200, 'application/json', '{"error":{"message":"EngineDeadError","code":500}}'),
      )
      const gateway = await startGateway(t, [{ url, type: 'ollama' }], { proxy: engineOf(engine) })
      const response = await post(gateway.url, '/v1/messages', message)
      assert.equal(response.status, 500)
      assert.partialDeepStrictEqual(await response.json(), {
        type: 'error',
        error: { type: 'api_error', message: 'EngineDeadError' },
      })
    })
  })
}
