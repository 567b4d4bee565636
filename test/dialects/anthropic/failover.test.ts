import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { APIError } from '@anthropic-ai/sdk'
import { engineOf, engines } from '../../integration/engines.ts'
import { readUntilCut } from '../../support/read-until-cut.ts'
import { eventually, lastPost } from '../../support/simulator.ts'
import { behind, postMessages, request, translatorOf } from './support.ts'

describe('failover of a Messages request', () => {
  it('moves from an endpoint with the API to one that needs a translation', async (t) => {
    const all = await behind(t, ['vllm', 'sglang'])
    const [vllm, sglang] = all.simulators
    await vllm?.control.setFault({ kind: 'status', status: 503 })
    const { data, response } = await all.client.messages.create(request).withResponse()
    assert.deepEqual(data.content[0]?.type === 'text' && data.content[0].text.slice(0, 8), '[sglang]')
    assert.equal(response.headers.get('x-olla-mode'), null)
    assert.equal(response.headers.get('x-olla-attempts'), '2')
    assert.ok((vllm?.control.counters().byPath['/v1/messages'] ?? 0) > 0)
    assert.equal(sglang?.control.counters().byPath['/v1/chat/completions'], 1)
    const stats = await translatorOf(all)
    assert.deepEqual([stats.translation_requests, stats.passthrough_requests], [1, 0])
    assert.match(String(stats.average_latency), /^[1-9]\d*ms$|^\d+\.\ds$/)
  })

  it('moves from an endpoint that needs a translation to one with the API, streaming', async (t) => {
    const all = await behind(t, ['sglang', 'vllm'])
    await all.simulators[0]?.control.setFault({ kind: 'reset_before_headers' })
    const message = await all.client.messages.stream({ ...request, max_tokens: 3 }).finalMessage()
    assert.deepEqual(message.content, [{ type: 'text', text: '[vllm] the quick' }])
    const stats = await translatorOf(all)
    assert.deepEqual([stats.translation_requests, stats.passthrough_requests], [0, 1])
  })

  it('happens if a whole answer breaks off, because the client has received nothing yet', async (t) => {
    const all = await behind(t, ['sglang', 'lmdeploy'])
    await all.simulators[0]?.control.setFault({ kind: 'die' })
    const message = await all.client.messages.create({ ...request, max_tokens: 3 })
    assert.deepEqual(message.content, [{ type: 'text', text: '[lmdeploy] the quick' }])
  })

  it('passes bytes unchanged to an endpoint with the API', async (t) => {
    const all = await behind(t, ['vllm'])
    const body = `{ "max_tokens": 2, "model":"${request.model}", "big": 12345678901234567890, "messages": [ {"role":"user","content":"hi"} ] }`
    const response = await postMessages(all, body, { 'anthropic-beta': 'a,b' }, '/v1/messages?beta=true')
    assert.equal(response.status, 200)
    const sent = lastPost(all.simulators[0] ?? assert.fail())
    assert.equal(String(sent?.body), body)
    assert.equal(sent?.url, '/v1/messages?beta=true')
    assert.equal(sent?.header('anthropic-beta'), 'a,b')
    assert.equal(sent?.header('anthropic-version'), '2023-06-01')
  })

  for (const engine of engines) {
    it(`keeps the query of the API from an endpoint without it, ${engine} engine`, async (t) => {
      const all = await behind(t, ['sglang'], { proxy: engineOf(engine) })
      const response = await postMessages(all, request, {}, '/v1/messages?beta=true')
      assert.equal(response.status, 200)
      assert.equal(lastPost(all.simulators[0] ?? assert.fail())?.url, '/v1/chat/completions')
    })
  }

  it('translates for a server that is too old for the API', async (t) => {
    const all = await behind(t, [{ kind: 'ollama', version: '0.13.9' }])
    const { response } = await all.client.messages.create(request).withResponse()
    assert.equal(response.headers.get('x-olla-mode'), null)
    assert.equal(all.simulators[0]?.control.counters().byPath['/v1/chat/completions'], 1)
  })

  it('translates for every endpoint if passthrough is off', async (t) => {
    const all = await behind(t, ['vllm'], { translators: { anthropic: { passthrough_enabled: false } } })
    const { response } = await all.client.messages.create(request).withResponse()
    assert.equal(response.headers.get('x-olla-mode'), null)
    assert.equal((await translatorOf(all)).fallback_cannot_passthrough, 0)
  })

  it('does not exist if the translator is off', async (t) => {
    const all = await behind(t, ['sglang'], { translators: { anthropic: { enabled: false } } })
    const response = await postMessages(all, request, {}, '/olla/anthropic/v1/messages')
    assert.equal(response.status, 404)
  })

  it("keeps the client's model name in both modes", async (t) => {
    for (const kind of ['vllm', 'sglang'] as const) {
      const all = await behind(t, [kind], { model_aliases: { 'claude-sonnet-4': [request.model] } })
      const asked = { ...request, model: 'claude-sonnet-4' }
      assert.equal((await all.client.messages.create(asked)).model, 'claude-sonnet-4')
      assert.equal((await all.client.messages.stream(asked).finalMessage()).model, 'claude-sonnet-4')
      const sent = JSON.parse(String(lastPost(all.simulators[0] ?? assert.fail())?.body))
      assert.equal(sent.model, request.model)
    }
  })
})

describe('a broken stream', () => {
  for (const kind of ['sglang', 'vllm'] as const) {
    it(`ends in an error, never in end_turn (${kind})`, async (t) => {
      const all = await behind(t, [kind])
      await all.simulators[0]?.control.setFault({ kind: 'die', chunks: 4 })
      const seen: string[] = []
      const stream = all.client.messages.stream(request)
      stream.on('streamEvent', ({ type }) => seen.push(type))
      await assert.rejects(stream.finalMessage())
      assert.ok(seen.includes('message_start'))
      assert.equal(seen.includes('message_stop') || seen.includes('message_delta'), false)
      await eventually(async () => (await translatorOf(all)).failed_requests === 1)
      assert.equal((await translatorOf(all)).successful_requests, 0)
    })
  }

  it('ends in the error that it contains', async (t) => {
    const all = await behind(t, ['sglang'])
    all.simulators[0]?.control.script({ text: 'one two three four', errorAfter: 2 })
    await assert.rejects(
      all.client.messages.stream(request).finalMessage(),
      (error) => error instanceof APIError && /the engine has died/.test(error.message),
    )
    await eventually(async () => (await translatorOf(all)).failed_requests === 1)
  })

  it('is not a message if its body is shorter than announced', async (t) => {
    const all = await behind(t, ['sglang'])
    await all.simulators[0]?.control.setFault({ kind: 'truncate' })
    await assert.rejects(all.client.messages.create(request), (error) => error instanceof APIError)
  })
})

describe('a client that disconnects', () => {
  for (const isStream of [true, false]) {
    it(`cancels the request to the endpoint (${isStream ? 'stream' : 'whole'})`, async (t) => {
      const all = await behind(t, [{ kind: 'sglang', tokensPerSecond: 20, timeToFirstTokenMs: 1 }])
      const [simulator] = all.simulators
      const leaving = new AbortController()
      const asked = { ...request, max_tokens: 1_000 }
      const call = isStream
        ? all.client.messages.stream(asked, { signal: leaving.signal }).finalMessage()
        : all.client.messages.create(asked, { signal: leaving.signal })
      await eventually(() => simulator?.control.counters().inFlight === 1)
      leaving.abort()
      await assert.rejects(call)
      await eventually(() => simulator?.control.counters().aborts === 1)
      await eventually(async () => (await translatorOf(all)).client_closed === 1)
    })
  }
})

describe('a waiting stream', () => {
  // Pings between tokens are in test/proxy/answer/heartbeat.test.ts, with a clock that a busy machine does not delay.
  it('gets pings before the first token', async (t) => {
    const all = await behind(t, [{ kind: 'sglang', timeToFirstTokenMs: 150 }], {
      translators: { anthropic: { ping_interval: '30ms' } },
    })
    const response = await postMessages(all, { ...request, stream: true, max_tokens: 2 })
    assert.equal(response.status, 200)
    const text = await response.text()
    assert.match(text, /^event: ping\ndata: \{"type":"ping"\}\n\n/)
    assert.match(text, /event: ping.*message_start.*content_block_delta/s)
    assert.match(text, /event: message_stop\ndata: \{"type":"message_stop"\}\n\n$/)
  })

  for (const engine of engines)
    it(`can still fail over, and reports a failure as an event, ${engine}`, async (t) => {
      const all = await behind(t, ['sglang', 'vllm'], {
        proxy: engineOf(engine),
        translators: { anthropic: { ping_interval: '20ms' } },
      })
      const [sglang, vllm] = all.simulators
      await sglang?.control.setFault({ kind: 'delay', delayMs: 100, times: 1 })
      await sglang?.control.setFault({ kind: 'reset_before_headers' })
      const message = await all.client.messages.stream({ ...request, max_tokens: 2 }).finalMessage()
      assert.deepEqual(message.content, [{ type: 'text', text: '[vllm] the' }])

      await vllm?.control.setFault({ kind: 'delay', delayMs: 100 })
      await vllm?.control.setFault({ kind: 'status', status: 400, body: '{"error":{"message":"no"}}' })
      const response = await postMessages(all, { ...request, stream: true })
      assert.equal(response.status, 200)
      assert.match(
        await readUntilCut(response),
        /^(?:event: ping\n.*\n\n)+event: error\ndata: .*"message":"no"/,
      )
    })
})
