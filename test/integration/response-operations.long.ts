import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import OpenAI from 'openai'
import { startGateway } from '../support/gateway.ts'
import { startScriptedEndpoint } from '../support/scripted-endpoint.ts'
import { lastPost, withSimulator } from '../support/simulator.ts'

const kinds = ['lmdeploy', 'vllm', 'llamacpp', 'ollama'] as const

async function start(t: TestContext, kind: (typeof kinds)[number]) {
  const simulator = await withSimulator(t, { kind, models: ['m'] })
  const gateway = await startGateway(t, [{ url: simulator.url, type: kind }])
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'any', maxRetries: 0 })
  return { client, simulator, gateway }
}

describe('the tokens of a request to the Responses API', () => {
  for (const kind of kinds) {
    it(`are counted with ${kind}`, async (t) => {
      const { client } = await start(t, kind)
      const request = { model: 'm', input: 'tell me a story about a llama' }
      const short = await client.responses.inputTokens.count(request)
      assert.equal(short.object, 'response.input_tokens')
      const tools = [
        { type: 'function' as const, name: 'weather', parameters: { type: 'object' }, strict: false },
      ]
      const long = await client.responses.inputTokens.count({ ...request, instructions: 'Be brief.', tools })
      assert.ok(
        short.input_tokens > 3 && long.input_tokens > short.input_tokens,
        JSON.stringify([short, long]),
      )
    })
  }

  it('include what the request continues', async (t) => {
    const { client } = await start(t, 'lmdeploy')
    const alone = await client.responses.inputTokens.count({ model: 'm', input: 'two' })
    const first = await client.responses.create({ model: 'm', input: 'word '.repeat(100) })
    const next = { model: 'm', input: 'two', previous_response_id: first.id }
    const after = await client.responses.inputTokens.count(next)
    assert.ok(after.input_tokens > alone.input_tokens + 50)
    const { id: conversation } = await client.conversations.create({
      items: [{ type: 'message', role: 'user', content: 'word '.repeat(100) }],
    })
    const inside = await client.responses.inputTokens.count({ model: 'm', input: 'two', conversation })
    assert.ok(inside.input_tokens > alone.input_tokens + 50)
  })

  it('are estimated without a model, and not for an invalid request', async (t) => {
    const { client } = await start(t, 'vllm')
    assert.ok((await client.responses.inputTokens.count({ input: 'one two three' })).input_tokens > 3)
    await assert.rejects(
      client.responses.inputTokens.count({ model: 'm', input: [] }),
      OpenAI.BadRequestError,
    )
  })
})

describe('a compacted conversation', () => {
  for (const kind of kinds) {
    it(`continues with ${kind}`, async (t) => {
      const { client, simulator } = await start(t, kind)
      const input: OpenAI.Responses.ResponseInputItem[] = [
        { type: 'message', role: 'user', content: 'one' },
        { type: 'message', role: 'assistant', content: 'answer' },
        { type: 'function_call', call_id: 'c1', name: 'look', arguments: '{}' },
        { type: 'function_call_output', call_id: 'c1', output: 'found' },
        { type: 'message', role: 'user', content: 'two' },
      ]
      const compacted = await client.responses.compact({ model: 'm', input, instructions: 'Be brief.' })
      assert.equal(compacted.object, 'response.compaction')
      assert.match(lastPost(simulator)?.body.toString() ?? '', /Summarize the conversation/)
      assert.deepEqual(
        compacted.output.map(({ type }) => type),
        ['message', 'message', 'compaction'],
      )
      assert.ok(compacted.usage.total_tokens > 0)
      const next = await client.responses.create({
        model: 'm',
        input: [
          ...(compacted.output as OpenAI.Responses.ResponseInputItem[]),
          { type: 'message', role: 'user', content: 'three' },
        ],
      })
      assert.equal(next.status === 'completed' || next.status === 'incomplete', true)
      const sent = lastPost(simulator)?.body.toString() ?? ''
      assert.match(sent, /\[Summary of the conversation so far\]/)
      assert.doesNotMatch(sent, /encrypted_content|answer/)
    })
  }

  it('fails as any response does', async (t) => {
    const { client, simulator } = await start(t, 'lmdeploy')
    await assert.rejects(client.responses.compact({ model: 'unknown', input: 'x' }), OpenAI.NotFoundError)
    const unknown = { model: 'm', input: 'x', previous_response_id: 'resp_x' }
    await assert.rejects(client.responses.compact(unknown), { code: 'previous_response_not_found' })
    const whole = { output: [{ type: 'message', content: [{ type: 'output_text', text: 'x' }] }] }
    const endpoint = await startScriptedEndpoint(t, ['m'], () => ({
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(whole).slice(0, -5),
    }))
    const cut = await startGateway(t, [{ url: endpoint.url, type: 'vllm' }])
    const cutClient = new OpenAI({ baseURL: `${cut.url}/v1`, apiKey: 'any', maxRetries: 0 })
    await assert.rejects(cutClient.responses.compact({ model: 'm', input: 'x' }), { status: 502 })
    await simulator.control.setFault({ kind: 'status', status: 429 })
    await assert.rejects(client.responses.compact({ model: 'm', input: 'x' }), OpenAI.RateLimitError)
  })
})
