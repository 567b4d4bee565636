import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  APIError,
  AuthenticationError,
  BadRequestError,
  NotFoundError,
  RateLimitError,
} from '@anthropic-ai/sdk'
import { eventually } from '../../support/simulator.ts'
import { behind, postMessages, request, translatorOf } from './support.ts'

interface Envelope {
  readonly type: string
  readonly error: { readonly type: string; readonly message: string }
  readonly request_id: string
}

async function envelope(response: Response): Promise<Envelope> {
  const body = (await response.json()) as Envelope
  assert.equal(body.type, 'error')
  assert.ok(response.headers.get('request-id'))
  assert.equal(response.headers.get('request-id'), response.headers.get('x-olla-request-id'))
  assert.equal(body.request_id, response.headers.get('request-id'))
  return body
}

describe('errors of the gateway', () => {
  it('report unavailable endpoints to streaming clients too, not an empty message', async (t) => {
    const all = await behind(t, ['sglang'], { proxy: { outage_wait: 0 } })
    await all.simulators[0]?.control.setFault({ kind: 'refuse' })
    for (const stream of [false, true]) {
      const response = await postMessages(all, { ...request, stream })
      assert.ok(response.status >= 500, String(response.status))
      assert.match((await envelope(response)).error.type, /^(?:api_error|overloaded_error)$/)
    }
    await eventually(async () => (await translatorOf(all)).failed_requests === 2)
    assert.equal((await translatorOf(all)).success_rate, '0%')
  })

  it('report an unknown model as not found, with the reason', async (t) => {
    const all = await behind(t, ['sglang'])
    await assert.rejects(
      all.client.messages.create({ ...request, model: 'nobody' }),
      (error) => error instanceof NotFoundError && error.type === 'not_found_error',
    )
    const response = await postMessages(all, { ...request, model: 'nobody' })
    assert.equal(response.headers.get('x-olla-routing-reason'), 'model_not_found')
    assert.match((await envelope(response)).error.message, /nobody/)
    await eventually(async () => (await translatorOf(all)).fallback_no_compatible_endpoints === 2)
  })

  it('explain what is wrong with an invalid request', async (t) => {
    const all = await behind(t, ['sglang'])
    const cases: [string, RegExp][] = [
      ['', /empty request body/],
      ['{"model":', /not valid JSON/],
      ['[]', /./],
      ['{"messages":[]}', /model field is required/],
      ['{"model":7,"messages":[]}', /model field must be a string, got number/],
      [JSON.stringify({ ...request, messages: [] }), /at least one message/],
      [JSON.stringify({ ...request, max_tokens: 0 }), /max_tokens must be at least 1, got 0/],
      [JSON.stringify({ ...request, temperature: 3 }), /temperature must be between 0 and 2, got 3/],
    ]
    for (const [body, message] of cases) {
      const response = await postMessages(all, body)
      assert.equal(response.status, 400, body)
      const { error } = await envelope(response)
      assert.equal(error.type, 'invalid_request_error')
      assert.match(error.message, message)
    }
  })

  it('report a body that is too large, with or without Content-Length', async (t) => {
    const all = await behind(t, ['sglang'], { translators: { anthropic: { max_message_size: 2_000 } } })
    const large = JSON.stringify({ ...request, system: 'x'.repeat(3_000) })
    const response = await postMessages(all, large)
    assert.equal(response.status, 413)
    assert.equal((await envelope(response)).error.type, 'request_too_large')
    const chunked = await fetch(`${all.gateway.url}/v1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: new Blob([large]).stream(),
      duplex: 'half',
    } as RequestInit)
    assert.equal(chunked.status, 413)
    assert.equal((await envelope(chunked)).error.type, 'request_too_large')
    assert.equal((await postMessages(all, large, {}, '/v1/chat/completions')).status, 200)
  })

  it('include rate limits', async (t) => {
    const all = await behind(t, ['sglang'], {
      server: {
        rate_limits: { per_ip_requests_per_minute: 60, burst_size: 2, global_requests_per_minute: 0 },
      },
    })
    const answers = []
    for (let count = 0; count < 4; count++)
      answers.push(await postMessages(all, { ...request, max_tokens: 1 }))
    const refused = answers.find(({ status }) => status === 429)
    assert.ok(refused)
    assert.ok(refused.headers.get('retry-after'))
    assert.equal((await envelope(refused)).error.type, 'rate_limit_error')
    await assert.rejects(all.client.messages.create(request), RateLimitError)
  })

  it('report an unknown path as not found', async (t) => {
    const all = await behind(t, ['sglang'])
    const response = await fetch(`${all.gateway.url}/olla/anthropic/v1/complete`, { method: 'POST' })
    assert.equal(response.status, 404)
    assert.equal((await envelope(response)).error.type, 'not_found_error')
  })

  it('refuse a server-side conversation with the message that clients recognize', async (t) => {
    const all = await behind(t, ['vllm'])
    const response = await postMessages(all, { ...request, thread: { type: 'create' } })
    assert.equal(response.status, 400)
    const body = (await response.json()) as { error: { details: { error_code: string } } }
    assert.equal(body.error.details.error_code, 'thread_unsupported_request')
  })
})

describe('errors of endpoints', () => {
  const answers: [number, string, string, string][] = [
    [400, '{"error":{"message":"bad","type":"BadRequestError"}}', 'invalid_request_error', 'bad'],
    [401, '{"error":"unauthorized"}', 'authentication_error', 'unauthorized'],
    [403, '{"detail":"no"}', 'permission_error', 'no'],
    [404, '{"object":"error","message":"gone"}', 'not_found_error', 'gone'],
    [413, 'too big', 'request_too_large', 'too big'],
    [429, '{"error":{"message":"slow down"}}', 'rate_limit_error', 'slow down'],
    [500, '<html></html>', 'api_error', 'The endpoint answered with status 500.'],
    [503, '{"error":{"message":"loading"}}', 'overloaded_error', 'loading'],
    [
      529,
      '{"type":"error","error":{"type":"overloaded_error","message":"busy"}}',
      'overloaded_error',
      'busy',
    ],
  ]
  for (const kind of ['sglang', 'vllm'] as const) {
    it(`are translated to the envelope from any format (${kind})`, async (t) => {
      const start = () => behind(t, [kind], { proxy: { max_retries: 0, outage_wait: 0 } })
      let all = await start()
      for (const [status, body, type, message] of answers) {
        for (const stream of [false, true]) {
          // After one of these the gateway pauses requests to the endpoint.
          if (status >= 429) all = await start()
          await all.simulators[0]?.control.clearFaults()
          await all.simulators[0]?.control.setFault({ kind: 'status', status, body, retryAfter: 1 })
          const response = await postMessages(all, { ...request, stream })
          assert.equal(response.status, status)
          assert.equal(response.headers.get('content-type'), 'application/json; charset=utf-8')
          const translated = (await response.json()) as Envelope
          assert.deepEqual(translated.error, { type, message })
          assert.equal(response.headers.get('retry-after'), '1')
          assert.ok(response.headers.get('request-id'))
        }
      }
    })
  }

  it('become exceptions of the matching class in the client', async (t) => {
    const all = await behind(t, ['sglang'])
    const failWith = async (status: number) => {
      await all.simulators[0]?.control.clearFaults()
      await all.simulators[0]?.control.setFault({
        kind: 'status',
        status,
        body: '{"error":{"message":"no"}}',
      })
    }
    await failWith(401)
    await assert.rejects(all.client.messages.create(request), AuthenticationError)
    await failWith(400)
    await assert.rejects(
      all.client.messages.stream(request).finalMessage(),
      (error) => error instanceof BadRequestError && error instanceof APIError && error.requestID !== null,
    )
  })

  it('report a full context with the message on which Claude Code shortens the conversation', async (t) => {
    const all = await behind(t, ['sglang'])
    await all.simulators[0]?.control.setFault({
      kind: 'status',
      status: 400,
      body: '{"object":"error","message":"This model\'s maximum context length is 8192 tokens."}',
    })
    await assert.rejects(
      all.client.messages.create(request),
      /prompt is too long: 8193 tokens > 8192 maximum/,
    )
  })
})
