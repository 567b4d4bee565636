import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import OpenAI from 'openai'
import type { SimulatorOptions } from '../../simulator/model.ts'
import type { GatewayOptions } from '../../src/gateway.ts'
import { startGateway } from '../support/gateway.ts'
import { eventually, lastPost, withSimulator } from '../support/simulator.ts'

/** Endpoints with chat completions only, and with the Responses API. */
const kinds = ['lmdeploy', 'vllm'] as const

async function start(
  t: TestContext,
  kind: (typeof kinds)[number],
  sections: Record<string, Record<string, unknown>> = {},
  options: Partial<SimulatorOptions> = {},
) {
  const simulator = await withSimulator(t, { kind, models: ['m'], ...options })
  const gateway = await startGateway(t, [{ url: simulator.url, type: kind }], sections)
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'any', maxRetries: 0 })
  return { client, simulator }
}

type Items = readonly OpenAI.Conversations.ConversationItem[]

const typesOf = (items: Items) => items.map((item) => (item.type === 'message' ? `${item.role}` : item.type))

for (const kind of kinds) {
  describe(`conversations with ${kind}`, () => {
    it('grow with each response, streamed or not', async (t) => {
      const { client, simulator } = await start(t, kind)
      const { id } = await client.conversations.create({ metadata: { topic: 'test' } })
      const first = await client.responses.create({ model: 'm', input: 'one', conversation: id })
      assert.deepEqual(first.conversation, { id })
      const stream = client.responses.stream({ model: 'm', input: 'two', conversation: { id } })
      const second = await stream.finalResponse()
      assert.deepEqual(second.conversation, { id })
      await eventually(async () => (await client.conversations.items.list(id)).data.length === 4)
      const { data } = await client.conversations.items.list(id, { order: 'asc' })
      assert.deepEqual(typesOf(data), ['user', 'assistant', 'user', 'assistant'])
      await client.responses.create({ model: 'm', input: 'three', conversation: id })
      const sent = lastPost(simulator)?.body.toString() ?? ''
      assert.ok(
        sent.indexOf('one') < sent.indexOf('two') && sent.indexOf('two') < sent.indexOf('three'),
        sent,
      )
      assert.ok(!sent.includes(id))
      // The responses can be read, too.
      assert.equal((await client.responses.retrieve(first.id)).id, first.id)
      await client.conversations.delete(id)
      await assert.rejects(client.conversations.retrieve(id), OpenAI.NotFoundError)
      await assert.rejects(
        client.responses.create({ model: 'm', input: 'x', conversation: id }),
        (error) => error instanceof OpenAI.APIError && error.status !== undefined && error.status < 500,
      )
    })
  })
}

describe('conversations', () => {
  it('are found and changed by every thread, where there are several', async (t) => {
    const { client } = await start(t, 'lmdeploy')
    const { id } = await client.conversations.create({
      items: [{ type: 'message', role: 'user', content: 'zero' }],
    })
    // Separate connections may reach either thread.
    await Promise.all(
      Array.from({ length: 8 }, (_, at) =>
        client.conversations.items.create(id, {
          items: [{ type: 'message', role: 'user', content: `${at}` }],
        }),
      ),
    )
    const { data } = await client.conversations.items.list(id, { limit: 100 })
    assert.equal(data.length, 9)
    await Promise.all(
      Array.from({ length: 4 }, () => client.responses.create({ model: 'm', input: 'x', conversation: id })),
    )
    await eventually(
      async () => (await client.conversations.items.list(id, { limit: 100 })).data.length === 17,
    )
    const [item] = data
    assert.ok(item?.id)
    assert.equal((await client.conversations.items.retrieve(item.id, { conversation_id: id })).id, item.id)
    await client.conversations.items.delete(item.id, { conversation_id: id })
    await assert.rejects(
      client.conversations.items.retrieve(item.id, { conversation_id: id }),
      OpenAI.NotFoundError,
    )
    const updated = await client.conversations.update(id, { metadata: { a: 'b' } })
    assert.deepEqual(updated.metadata, { a: 'b' })
    assert.deepEqual((await client.conversations.retrieve(id)).metadata, { a: 'b' })
  })

  it('take one response at a time, in the order of the requests', async (t) => {
    const { client, simulator } = await start(t, 'lmdeploy')
    const { id } = await client.conversations.create()
    const ask = (input: string) => client.responses.create({ model: 'm', input, conversation: id })
    for (let at = 0; at < 5; at++) {
      await ask(`word ${at}`)
      assert.equal(
        lastPost(simulator)
          ?.body.toString()
          .match(/word \d/g)?.length,
        at + 1,
      )
    }
    await Promise.all(['a', 'b', 'c'].map((input) => ask(input)))
    await eventually(async () => (await client.conversations.items.list(id)).data.length === 16)
    const { data } = await client.conversations.items.list(id, { order: 'asc' })
    assert.deepEqual(typesOf(data), Array.from({ length: 8 }, () => ['user', 'assistant']).flat())
  })

  it('refuse a response as OpenAI does while another one takes long', async (t) => {
    const { client, simulator } = await start(t, 'lmdeploy', {}, { timeToFirstTokenMs: 60_000 })
    const { id } = await client.conversations.create()
    const request = { model: 'm', input: 'x', conversation: id }
    const stop = new AbortController()
    const first = client.responses.create(request, { signal: stop.signal })
    first.catch(() => undefined)
    await eventually(() => simulator.control.counters().inFlight === 1)
    await assert.rejects(client.responses.create(request), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError)
      assert.deepEqual([error.code, error.param], ['conversation_locked', 'conversation'])
      return true
    })
    stop.abort()
    await assert.rejects(first)
    // The client that left has ended its turn.
    const next = client.responses.create(request, { signal: AbortSignal.timeout(10_000) })
    next.catch(() => undefined)
    await eventually(
      () => simulator.control.counters().inFlight === 1 && simulator.control.counters().aborts === 1,
    )
  })

  it('are refused by name if unknown, and beside previous_response_id', async (t) => {
    const { client } = await start(t, 'lmdeploy')
    await assert.rejects(client.conversations.retrieve('conv_x'), (error) => {
      assert.ok(error instanceof OpenAI.NotFoundError)
      assert.match(error.message, /Conversation with id 'conv_x' not found/)
      return true
    })
    const request = { model: 'm', input: 'x', conversation: 'conv_x' }
    await assert.rejects(client.responses.create(request), { param: 'conversation' })
    await assert.rejects(client.responses.create({ ...request, previous_response_id: 'resp_x' }), {
      code: 'mutually_exclusive_parameters',
    })
  })

  it('are named by an ID', async (t) => {
    const { client } = await start(t, 'lmdeploy')
    for (const conversation of [5, {}, []]) {
      const body = { model: 'm', input: 'x', conversation }
      await assert.rejects(client.post('/responses', { body }), /conversation: must be the ID/)
    }
    await assert.rejects(client.responses.retrieve('resp_x'), /Response with id 'resp_x' not found/)
    await assert.rejects(client.responses.cancel('resp_x'), /Response with id 'resp_x' not found/)
  })

  it('make a request too large that would exceed the maximum body size', async (t) => {
    const { client } = await start(t, 'lmdeploy', { server: { request_limits: { max_body_size: '4KB' } } })
    const { id } = await client.conversations.create()
    const request = { model: 'm', input: 'x'.repeat(2_500), conversation: id }
    await client.responses.create(request)
    await eventually(async () => (await client.conversations.items.list(id)).data.length === 2)
    await assert.rejects(client.responses.create(request), (error) => {
      assert.ok(error instanceof OpenAI.APIError)
      assert.equal(error.status, 413)
      assert.match(error.message, /with the conversation that it continues; the maximum is 4096/)
      return true
    })
  })

  for (const kind of [...kinds, 'lm-studio'] as const) {
    it(`and responses are found by their caller only, with ${kind}`, async (t) => {
      const simulator = await withSimulator(t, { kind, models: ['m'] })
      const identify: GatewayOptions['identify'] = ({ headers }) => headers.authorization
      const gateway = await startGateway(
        t,
        [{ url: simulator.url, type: kind }],
        {},
        { gateway: { identify } },
      )
      const baseURL = `${gateway.url}/v1`
      const [ann, bob] = ['ann', 'bob'].map((apiKey) => new OpenAI({ baseURL, apiKey, maxRetries: 0 }))
      assert.ok(ann && bob)
      const { id: conversation } = await ann.conversations.create()
      const alone = await ann.responses.create({ model: 'm', input: 'one' })
      const { id } = await ann.responses.create({ model: 'm', input: 'two', conversation })
      for (const response of [id, alone.id]) {
        await assert.rejects(bob.responses.retrieve(response), OpenAI.NotFoundError)
        await assert.rejects(bob.responses.delete(response), OpenAI.NotFoundError)
        await assert.rejects(bob.responses.inputItems.list(response), OpenAI.NotFoundError)
        await assert.rejects(
          bob.responses.create({ model: 'm', input: 'x', previous_response_id: response }),
          OpenAI.BadRequestError,
        )
      }
      await assert.rejects(bob.conversations.retrieve(conversation), OpenAI.NotFoundError)
      await assert.rejects(
        bob.responses.create({ model: 'm', input: 'x', conversation }),
        OpenAI.BadRequestError,
      )
      assert.equal((await ann.responses.retrieve(id)).id, id)
      await ann.responses.create({ model: 'm', input: 'x', conversation })
    })
  }
})
