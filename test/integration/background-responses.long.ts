import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import OpenAI from 'openai'
import type { SimulatorOptions } from '../../simulator/model.ts'
import { startGateway } from '../support/gateway.ts'
import { eventually, withSimulator } from '../support/simulator.ts'

/** Endpoints with chat completions only, and with the Responses API. */
const kinds = ['lmdeploy', 'vllm'] as const

type Sections = Record<string, Record<string, unknown>>

async function start(
  t: TestContext,
  kind: (typeof kinds)[number],
  { sections, ...options }: Partial<SimulatorOptions> & { sections?: Sections } = {},
) {
  const simulator = await withSimulator(t, { kind, models: ['m'], ...options })
  const gateway = await startGateway(t, [{ url: simulator.url, type: kind }], sections)
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'any', maxRetries: 0 })
  return { client, simulator, gateway }
}

const request = { model: 'm', input: 'tell me', background: true, max_output_tokens: 20 }

/** Polls on other connections, which may reach either thread. */
async function ended(client: OpenAI, id: string): Promise<OpenAI.Responses.Response> {
  for (;;) {
    const response = await client.responses.retrieve(id)
    if (response.status !== 'queued' && response.status !== 'in_progress') return response
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

for (const kind of kinds) {
  describe(`responses in the background, with ${kind}`, () => {
    it('are answered at once and polled until they are complete', async (t) => {
      const { client } = await start(t, kind, { timeToFirstTokenMs: 300 })
      const queued = await client.responses.create(request)
      assert.equal(queued.status, 'queued')
      assert.deepEqual([queued.background, queued.output, queued.model], [true, [], 'm'])
      const input = await client.responses.inputItems.list(queued.id)
      assert.equal(input.data.length, 1)
      const response = await ended(client, queued.id)
      assert.ok(response.status === 'completed' || response.status === 'incomplete', response.status)
      assert.deepEqual([response.id, response.background], [queued.id, true])
      assert.equal(response.created_at, queued.created_at)
      assert.notEqual(response.output.length, 0)
      const next = await client.responses.create({
        model: 'm',
        input: 'more',
        previous_response_id: queued.id,
      })
      const items = await client.responses.inputItems.list(next.id).catch(() => undefined)
      assert.ok(items === undefined || items.data.length === 3)
    })

    it('stream their events, also again and from where a client left off', async (t) => {
      const { client } = await start(t, kind, { tokensPerSecond: 50 })
      const stream = await client.responses.create({ ...request, stream: true })
      const seen: OpenAI.Responses.ResponseStreamEvent[] = []
      for await (const event of stream) {
        seen.push(event)
        // The client leaves; the response goes on.
        if (event.type === 'response.output_text.delta') break
      }
      const [first] = seen
      assert.ok(first?.type === 'response.created')
      const { id } = first.response
      const rest = await client.responses.retrieve(id, { stream: true, starting_after: seen.length - 1 })
      for await (const event of rest) seen.push(event)
      assert.deepEqual(
        seen.map((event) => event.sequence_number),
        seen.map((_, index) => index),
      )
      const last = seen.at(-1)
      assert.ok(last?.type === 'response.completed' || last?.type === 'response.incomplete')
      assert.equal(last.response.id, id)
      assert.equal(seen.filter(({ type }) => type === 'response.output_text.delta').length, 20)
      const response = await ended(client, id)
      assert.notEqual(response.output_text, '')
      const again: OpenAI.Responses.ResponseStreamEvent[] = []
      for await (const event of await client.responses.retrieve(id, { stream: true })) again.push(event)
      assert.deepEqual(again, seen)
      // The typed helper of the SDK accepts them.
      const helped = await client.responses.stream({ response_id: id }).finalResponse()
      assert.deepEqual([helped.id, helped.output_text], [id, response.output_text])
    })

    it('are cancelled, which ends the work of the endpoint', async (t) => {
      const { client, simulator } = await start(t, kind, { timeToFirstTokenMs: 60_000 })
      const { id } = await client.responses.create({ ...request, stream: true }).then(async (stream) => {
        for await (const event of stream) if (event.type === 'response.created') return event.response
        return assert.fail()
      })
      await eventually(() => simulator.control.counters().inFlight > 0)
      const cancelled = await client.responses.cancel(id)
      assert.equal(cancelled.status, 'cancelled')
      await eventually(() => simulator.control.counters().aborts === 1)
      assert.equal((await client.responses.retrieve(id)).status, 'cancelled')
      assert.equal((await client.responses.cancel(id)).status, 'cancelled')
    })

    it('are deleted while they are in progress', async (t) => {
      const { client, simulator } = await start(t, kind, { timeToFirstTokenMs: 60_000 })
      const { id } = await client.responses.create(request)
      await eventually(() => simulator.control.counters().inFlight > 0)
      await client.responses.delete(id)
      await eventually(() => simulator.control.counters().aborts === 1)
      await assert.rejects(client.responses.retrieve(id), OpenAI.NotFoundError)
    })

    it('fail as responses do', async (t) => {
      const { client, simulator } = await start(t, kind)
      await simulator.control.setFault({ kind: 'status', status: 400 })
      const response = await ended(client, (await client.responses.create(request)).id)
      assert.equal(response.status, 'failed')
      assert.ok(response.error?.message)
    })

    it('are counted and listed among the recent requests once', async (t) => {
      const { client, gateway } = await start(t, kind)
      const { id } = await client.responses.create(request)
      await ended(client, id)
      const read = async (path: string) => (await fetch(`${gateway.url}${path}`)).json()
      await eventually(async () => {
        const { requests } = (await read('/internal/requests')) as { requests: Record<string, unknown>[] }
        const found = requests.filter(({ request_id }) => request_id === id)
        const [{ outcome, model, completion_tokens } = {}] = found
        return found.length === 1 && outcome === 'success' && model === 'm' && completion_tokens === 20
      })
      await eventually(async () => {
        const { endpoints } = (await read('/internal/status')) as { endpoints: { requests: number }[] }
        return endpoints[0]?.requests === 1
      })
    })

    it('grow their conversation', async (t) => {
      const { client } = await start(t, kind)
      const { id: conversation } = await client.conversations.create()
      const { id } = await client.responses.create({ ...request, conversation })
      const response = await ended(client, id)
      assert.deepEqual(response.conversation, { id: conversation })
      await eventually(async () => (await client.conversations.items.list(conversation)).data.length === 2)
    })
  })
}

describe('responses in the background', () => {
  it('are refused at once where a request would be', async (t) => {
    const { client } = await start(t, 'lmdeploy')
    await assert.rejects(client.responses.create({ ...request, model: 'unknown' }), OpenAI.NotFoundError)
    await assert.rejects(
      client.responses.create({ ...request, store: false }),
      /background: requires `store`/,
    )
    await assert.rejects(client.responses.create({ ...request, input: [] }), OpenAI.BadRequestError)
  })

  it('have a maximum number', async (t) => {
    const sections = { proxy: { translation: { stored_responses: { max_background: 1 } } } }
    const { client } = await start(t, 'lmdeploy', { sections, timeToFirstTokenMs: 60_000 })
    const made: string[] = []
    await assert.rejects(async () => {
      // Each thread has at least one.
      for (let count = 0; count < 20; count++) made.push((await client.responses.create(request)).id)
    }, OpenAI.RateLimitError)
    for (const id of made) await client.responses.cancel(id)
    await client.responses.create(request)
  })

  it('are left to the endpoint if the gateway makes none', async (t) => {
    const sections = { proxy: { translation: { stored_responses: { max_background: 0 } } } }
    const { client } = await start(t, 'lmdeploy', { sections })
    await assert.rejects(client.responses.create(request), /background/)
  })

  it('hold their conversation until they are over', async (t) => {
    const { client, simulator } = await start(t, 'lmdeploy', { timeToFirstTokenMs: 60_000 })
    const { id: conversation } = await client.conversations.create()
    const first = await client.responses.create({ ...request, conversation })
    await eventually(() => simulator.control.counters().inFlight === 1)
    for (const background of [true, false]) {
      await assert.rejects(client.responses.create({ ...request, background, conversation }), (error) => {
        assert.ok(error instanceof OpenAI.BadRequestError)
        assert.equal(error.code, 'conversation_locked')
        return true
      })
    }
    // The next one begins as soon as the first is over.
    const next = client.responses.create({ ...request, conversation })
    await client.responses.cancel(first.id)
    const { id } = await next
    await eventually(() => simulator.control.counters().inFlight === 1)
    await client.responses.delete(id)
    await eventually(() => simulator.control.counters().inFlight === 0)
    const last = await client.responses.create({ ...request, conversation })
    await client.responses.cancel(last.id)
  })

  it('free their conversation if they are refused', async (t) => {
    const { client } = await start(t, 'lmdeploy')
    const { id: conversation } = await client.conversations.create()
    for (let count = 0; count < 2; count++) {
      const refused = client.responses.create({ ...request, model: 'unknown', conversation })
      await assert.rejects(refused, OpenAI.NotFoundError)
    }
    await ended(client, (await client.responses.create({ ...request, conversation })).id)
  })

  it('finish while the gateway drains', async (t) => {
    const { client, simulator, gateway } = await start(t, 'lmdeploy', { timeToFirstTokenMs: 300 })
    await client.responses.create(request)
    await eventually(() => simulator.control.counters().inFlight > 0)
    const result = await gateway.close()
    assert.deepEqual([result.cut, simulator.control.counters().aborts], [0, 0])
    assert.equal(simulator.control.counters().generationsFinished, 1)
  })
})
