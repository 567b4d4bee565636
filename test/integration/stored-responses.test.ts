import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import OpenAI from 'openai'
import { startGateway } from '../support/gateway.ts'

interface ChatRequest {
  readonly messages: readonly { readonly role: string; readonly content: string }[]
  readonly stream?: boolean
}

/** A server with chat completions only. It answers with the number of the messages that it got. */
async function chatServer(t: TestContext): Promise<{ url: string; requests: ChatRequest[] }> {
  const requests: ChatRequest[] = []
  const server = createServer((request, response) => void answer(request, response, requests))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return { url: `http://127.0.0.1:${address.port}`, requests }
}

async function answer(request: IncomingMessage, response: ServerResponse, requests: ChatRequest[]) {
  const text = Buffer.concat(await request.toArray()).toString()
  if (request.url === '/v1/models')
    return response.end('{"object":"list","data":[{"id":"m","object":"model"}]}')
  if (request.url === '/health') return response.end('{}')
  if (request.url !== '/v1/chat/completions') return response.writeHead(404).end('{"detail":"Not Found"}')
  const asked: ChatRequest = JSON.parse(text)
  requests.push(asked)
  if (asked.messages.at(-1)?.content === 'too long') {
    const message = 'the request exceeds the available context size'
    const error = {
      code: 400,
      message,
      type: 'exceed_context_size_error',
      n_prompt_tokens: 9_000,
      n_ctx: 4_096,
    }
    return response.writeHead(400, { 'Content-Type': 'application/json' }).end(JSON.stringify({ error }))
  }
  const content = `answer ${asked.messages.length}`
  const usage = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 }
  if (asked.stream !== true) {
    const choices = [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }]
    return response
      .writeHead(200, { 'Content-Type': 'application/json' })
      .end(JSON.stringify({ id: 'c', object: 'chat.completion', model: 'm', choices, usage }))
  }
  const chunk = (delta: object, finish_reason: string | null) =>
    `data: ${JSON.stringify({ id: 'c', model: 'm', choices: [{ index: 0, delta, finish_reason }] })}\n\n`
  const last = `data: ${JSON.stringify({ id: 'c', model: 'm', choices: [], usage })}\n\n`
  return response
    .writeHead(200, { 'Content-Type': 'text/event-stream' })
    .end(`${chunk({ content }, null)}${chunk({}, 'stop')}${last}data: [DONE]\n\n`)
}

async function start(t: TestContext) {
  const { url, requests } = await chatServer(t)
  const gateway = await startGateway(t, [{ url, type: 'lmdeploy' }])
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'any', maxRetries: 0 })
  return { client, requests }
}

const contents = (request: ChatRequest | undefined) => request?.messages.map(({ content }) => content)

describe('responses of an endpoint with chat completions only', () => {
  it('continue one another, streamed or not', async (t) => {
    const { client, requests } = await start(t)
    const first = await client.responses.create({ model: 'm', input: 'one', instructions: 'Be brief.' })
    assert.equal(first.output_text, 'answer 2')
    const stream = client.responses.stream({ model: 'm', input: 'two', previous_response_id: first.id })
    const second = await stream.finalResponse()
    assert.deepEqual(contents(requests.at(-1)), ['one', 'answer 2', 'two'])
    assert.deepEqual([second.output_text, second.previous_response_id], ['answer 3', first.id])
    await client.responses.create({ model: 'm', input: 'three', previous_response_id: second.id })
    assert.deepEqual(contents(requests.at(-1)), ['one', 'answer 2', 'two', 'answer 3', 'three'])
    const [item] = second.output
    const reference = { type: 'item_reference' as const, id: item?.id ?? '' }
    await client.responses.create({ model: 'm', input: [reference, { role: 'user', content: 'four' }] })
    assert.deepEqual(contents(requests.at(-1)), ['answer 3', 'four'])
  })

  it('can be read and deleted', async (t) => {
    const { client } = await start(t)
    const made = await client.responses.create({ model: 'm', input: 'one' })
    const { output_text: _, ...read } = await client.responses.retrieve(made.id)
    assert.deepEqual([read.id, read.output], [made.id, made.output])
    const items = await client.responses.inputItems.list(made.id)
    assert.deepEqual(
      items.data.map((item) => item.type),
      ['message'],
    )
    await client.responses.delete(made.id)
    await assert.rejects(client.responses.retrieve(made.id), OpenAI.NotFoundError)
    await assert.rejects(
      client.responses.create({ model: 'm', input: 'two', previous_response_id: made.id }),
      (error) => {
        assert.ok(error instanceof OpenAI.BadRequestError)
        assert.deepEqual([error.param, error.code], ['previous_response_id', 'previous_response_not_found'])
        return true
      },
    )
  })

  it('are not kept if the client forbids it', async (t) => {
    const { client } = await start(t)
    const made = await client.responses.create({ model: 'm', input: 'one', store: false })
    await assert.rejects(client.responses.retrieve(made.id), OpenAI.NotFoundError)
  })

  it('fail inside the stream if the context is full, and with status 400 without a stream', async (t) => {
    const { client } = await start(t)
    const request = { model: 'm', input: 'too long' }
    const types: string[] = []
    const stream = await client.responses.create({ ...request, stream: true })
    await assert.rejects(
      async () => {
        for await (const event of stream) types.push(event.type)
      },
      { code: 'context_length_exceeded' },
    )
    assert.deepEqual(types, ['response.created', 'response.in_progress'])
    await assert.rejects(client.responses.create(request), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError)
      assert.equal(error.code, 'context_length_exceeded')
      return true
    })
  })

  it('are found by every thread, where there are several', async (t) => {
    const { client, requests } = await start(t)
    const first = await client.responses.create({ model: 'm', input: 'one' })
    // Separate connections may reach either thread.
    await Promise.all(
      Array.from({ length: 8 }, () =>
        client.responses.create({ model: 'm', input: 'two', previous_response_id: first.id }),
      ),
    )
    for (const request of requests.slice(1)) assert.deepEqual(contents(request), ['one', 'answer 1', 'two'])
    assert.equal(requests.length, 9)
  })
})
