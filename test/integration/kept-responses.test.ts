import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import OpenAI from 'openai'
import { startGateway } from '../support/gateway.ts'
import { lastPost, withSimulator } from '../support/simulator.ts'

/** Servers with the Responses API that keep no responses. */
const kinds = ['llamacpp', 'ollama', 'lemonade', 'vllm'] as const
type Kind = (typeof kinds)[number] | 'lm-studio'

async function start(t: TestContext, kind: Kind, http_server = 'own') {
  const simulator = await withSimulator(t, { kind, models: ['m'] })
  const gateway = await startGateway(t, [{ url: simulator.url, type: kind }], { server: { http_server } })
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'any', maxRetries: 0 })
  return { client, simulator, gateway }
}

const sentTo = (simulator: Awaited<ReturnType<typeof start>>['simulator']) =>
  lastPost(simulator)?.body.toString() ?? ''

function assertOrder(text: string, parts: readonly string[]): void {
  const places = parts.map((part) => text.indexOf(part))
  assert.ok(
    places.every((place, at) => place >= 0 && place > (places[at - 1] ?? -1)),
    text,
  )
}

for (const http_server of ['own', 'node']) {
  for (const kind of kinds) {
    describe(`the gateway keeps the responses of ${kind}, with the ${http_server} server`, () => {
      it('so that they continue one another, streamed or not', async (t) => {
        const { client, simulator } = await start(t, kind, http_server)
        const first = await client.responses.create({ model: 'm', input: 'word one' })
        const stream = client.responses.stream({
          model: 'm',
          input: 'word two',
          previous_response_id: first.id,
        })
        const second = await stream.finalResponse()
        assert.equal(second.previous_response_id, first.id)
        assert.equal(lastPost(simulator)?.path, '/v1/responses')
        assertOrder(sentTo(simulator), ['word one', first.output_text.slice(0, 20), 'word two'])
        assert.ok(!sentTo(simulator).includes('previous_response_id'))
        const third = await client.responses.create({
          model: 'm',
          input: 'word three',
          previous_response_id: second.id,
        })
        assertOrder(sentTo(simulator), ['word one', 'word two', 'word three'])
        assert.equal(third.previous_response_id, second.id)
        const items = await client.responses.inputItems.list(third.id, { order: 'asc' })
        assert.deepEqual(
          items.data.map((item) => 'role' in item && item.role),
          ['user', 'assistant', 'user', 'assistant', 'user'],
        )
      })

      it('so that a stream can be continued, and its items named', async (t) => {
        const { client, simulator } = await start(t, kind, http_server)
        const made = await client.responses.stream({ model: 'm', input: 'word one' }).finalResponse()
        const item = made.output.at(-1)
        await client.responses.create({ model: 'm', input: 'word two', previous_response_id: made.id })
        assertOrder(sentTo(simulator), ['word one', 'word two'])
        const reference = { type: 'item_reference' as const, id: item?.id ?? '' }
        await client.responses.create({ model: 'm', input: [reference, { role: 'user', content: 'three' }] })
        assertOrder(sentTo(simulator), [made.output_text.slice(0, 20), 'three'])
        assert.ok(!sentTo(simulator).includes('item_reference'))
      })

      it('so that they can be read and deleted', async (t) => {
        const { client } = await start(t, kind, http_server)
        const made = await client.responses.create({ model: 'm', input: 'word one' })
        const read = await client.responses.retrieve(made.id)
        assert.deepEqual([read.id, read.output], [made.id, made.output])
        assert.equal((await client.responses.inputItems.list(made.id)).data.length, 1)
        await client.responses.delete(made.id)
        await assert.rejects(client.responses.retrieve(made.id), OpenAI.NotFoundError)
      })

      it('unless the client forbids it', async (t) => {
        const { client } = await start(t, kind, http_server)
        const made = await client.responses.create({ model: 'm', input: 'word one', store: false })
        await assert.rejects(client.responses.retrieve(made.id), OpenAI.NotFoundError)
      })

      it('and changes no byte of an answer that it keeps', async (t) => {
        const { gateway, simulator } = await start(t, kind, http_server)
        const post = async (url: string, body: object) => {
          const headers = { 'Content-Type': 'application/json' }
          const answer = await fetch(`${url}/v1/responses`, {
            method: 'POST',
            headers,
            body: JSON.stringify(body),
          })
          const text = (await answer.text()).replaceAll(/"(created_at|completed_at)":\s*\d+/g, '')
          return { text, length: answer.headers.get('content-length') }
        }
        const whole = { model: 'm', input: 'word one', seed: 1 }
        assert.deepEqual(await post(gateway.url, whole), await post(simulator.url, whole))
        // Events of llama.cpp are mended; see `bare_events`.
        if (kind === 'llamacpp') return
        const stream = { ...whole, stream: true }
        assert.equal((await post(gateway.url, stream)).text, (await post(simulator.url, stream)).text)
      })
    })
  }
}

describe('a response that no one has', () => {
  for (const kind of ['llamacpp', 'ollama', 'lemonade'] as const) {
    it(`is not continued at ${kind}`, async (t) => {
      const { client, simulator } = await start(t, kind)
      const request = { model: 'm', input: 'x', previous_response_id: 'resp_unknown' }
      await assert.rejects(client.responses.create(request), (error) => {
        assert.ok(error instanceof OpenAI.BadRequestError)
        assert.deepEqual([error.param, error.code], ['previous_response_id', 'previous_response_not_found'])
        return true
      })
      assert.equal(lastPost(simulator), undefined)
      await assert.rejects(
        client.responses.retrieve('resp_unknown'),
        /Response with id 'resp_unknown' not found/,
      )
    })
  }

  it('is asked for at an endpoint that keeps its own', async (t) => {
    const { client, simulator } = await start(t, 'lm-studio')
    const made = await client.responses.create({ model: 'm', input: 'one' })
    await client.responses.create({ model: 'm', input: 'two', previous_response_id: made.id })
    assert.ok(sentTo(simulator).includes(made.id))
  })
})
