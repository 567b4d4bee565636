import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import OpenAI from 'openai'
import { startGateway } from '../support/gateway.ts'
import { eventually, lastPost, withSimulator } from '../support/simulator.ts'

const kinds = ['lmdeploy', 'vllm'] as const

async function start(t: TestContext, kind: (typeof kinds)[number]) {
  const simulator = await withSimulator(t, { kind, models: ['m'] })
  const gateway = await startGateway(t, [{ url: simulator.url, type: kind }])
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'any', maxRetries: 0 })
  return { client, simulator, sent: () => lastPost(simulator)?.body.toString() ?? '' }
}

/** As Codex 0.171 sends it when a conversation is too long. */
const input: OpenAI.Responses.ResponseInput = [
  { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'rules' }] },
  { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'question' }] },
  { type: 'function_call', call_id: 'c1', name: 'look', arguments: '{}' },
  { type: 'function_call_output', call_id: 'c1', output: 'found' },
  { type: 'compaction_trigger' },
]
const request = { model: 'm', input, store: false, parallel_tool_calls: false }

for (const kind of kinds) {
  describe(`a compaction that a request triggers, with ${kind}`, () => {
    it('is a response with one item, which the client sends back', async (t) => {
      const { client, sent } = await start(t, kind)
      const response = await client.responses.create(request)
      assert.match(sent(), /Summarize the conversation/)
      assert.doesNotMatch(sent(), /compaction_trigger/)
      assert.deepEqual(
        [response.status, response.output.map(({ type }) => type)],
        ['completed', ['compaction']],
      )
      assert.ok((response.usage?.total_tokens ?? 0) > 0)
      const next = [...response.output, { role: 'user' as const, content: 'next' }]
      await client.responses.create({ ...request, input: next as OpenAI.Responses.ResponseInput })
      assert.match(sent(), /\[Summary of the conversation so far\]/)
      assert.doesNotMatch(sent(), /encrypted_content|found/)
    })

    it('has the events that clients wait for', async (t) => {
      const { client } = await start(t, kind)
      const types: string[] = []
      const numbers: number[] = []
      let item: OpenAI.Responses.ResponseOutputItem | undefined
      for await (const event of await client.responses.create({ ...request, stream: true })) {
        types.push(event.type)
        numbers.push(event.sequence_number)
        if (event.type === 'response.output_item.done') item = event.item
        if (event.type === 'response.completed') assert.deepEqual(event.response.output, [item])
      }
      assert.deepEqual(types, [
        'response.created',
        'response.in_progress',
        'response.output_item.added',
        'response.output_item.done',
        'response.completed',
      ])
      assert.deepEqual(numbers, [0, 1, 2, 3, 4])
      assert.equal(item?.type, 'compaction')
      const helped = await client.responses.stream(request).finalResponse()
      assert.equal(helped.output.length, 1)
    })

    it('replaces what a stored response continued', async (t) => {
      const { client, sent } = await start(t, kind)
      const compacted = await client.responses.create({ ...request, store: true })
      await client.responses.create({ model: 'm', input: 'next', previous_response_id: compacted.id })
      assert.match(sent(), /\[Summary of the conversation so far\]/)
      assert.match(sent(), /question/)
      assert.doesNotMatch(sent(), /found|compaction_trigger/)
      assert.equal((await client.responses.inputItems.list(compacted.id)).data.length, 4)
    })

    it('is added to its conversation', async (t) => {
      const { client, sent } = await start(t, kind)
      const { id: conversation } = await client.conversations.create()
      await client.responses.create({ model: 'm', input: 'first question', conversation })
      await client.responses.create({ model: 'm', input: [{ type: 'compaction_trigger' }], conversation })
      await eventually(async () => (await client.conversations.items.list(conversation)).data.length === 3)
      await client.responses.create({ model: 'm', input: 'next', conversation })
      assert.match(sent(), /first question.*\[Summary of the conversation so far\].*next/s)
    })

    it('fails as any response does', async (t) => {
      const { client, simulator } = await start(t, kind)
      await assert.rejects(client.responses.create({ ...request, model: 'unknown' }), OpenAI.NotFoundError)
      await simulator.control.setFault({ kind: 'status', status: 429 })
      await assert.rejects(client.responses.create({ ...request, stream: true }), OpenAI.RateLimitError)
    })
  })
}
