import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import OpenAI from 'openai'
import { startGateway } from '../support/gateway.ts'
import { engineOf, engines } from './engines.ts'

interface Options {
  /** The context that the model list reports; undefined for none. */
  readonly listed?: number
  /** Number of words that the endpoint accepts. */
  readonly accepted: number
  /** Whether the endpoint has the Responses API. */
  readonly speaksResponses: boolean
}

const path = { chat: '/v1/chat/completions', responses: '/v1/responses' } as const

/** An endpoint that counts words as tokens. */
async function startEndpoint(t: TestContext, { listed, accepted, speaksResponses }: Options) {
  const sent: Record<string, unknown>[] = []
  const server = createServer(async (request, response) => {
    const { url } = request
    const reply = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    if (url === '/v1/models') {
      const context = listed === undefined ? {} : { max_model_len: listed }
      reply(200, { object: 'list', data: [{ id: 'm', object: 'model', ...context }] })
      return
    }
    if (request.method === 'GET' && url !== path.responses) {
      reply(200, {})
      return
    }
    if (url !== (speaksResponses ? path.responses : path.chat)) {
      reply(404, { detail: 'Not Found' })
      return
    }
    const text = await textOf(request)
    const body = JSON.parse(text) as Record<string, unknown>
    sent.push(body)
    const words = text.split('word').length - 1
    if (words > accepted) {
      const message = `This model's maximum context length is ${accepted} tokens. However, your prompt has ${words} tokens. Please reduce the length of the messages.`
      reply(400, { object: 'error', message, type: 'BadRequestError', code: 400 })
      return
    }
    reply(200, speaksResponses ? ownResponse : chatCompletion)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sent }
}

const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }
const chatCompletion = {
  id: 'c',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'ok' }, finish_reason: 'stop' }],
  usage,
}
const part = { type: 'output_text', text: 'ok', annotations: [] }
const ownResponse = {
  id: 'resp_1',
  object: 'response',
  created_at: 1,
  status: 'completed',
  model: 'm',
  output: [{ type: 'message', id: 'msg_1', role: 'assistant', status: 'completed', content: [part] }],
  usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2 },
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

const words = (count: number) => 'word '.repeat(count)
/** A conversation with a tool, of six times `count` words. */
const conversation = (count: number): OpenAI.Responses.ResponseInput => [
  { role: 'user', content: `first ${words(count)}` },
  { role: 'assistant', content: `second ${words(count)}` },
  { type: 'function_call', call_id: 'call_1', name: 'f', arguments: JSON.stringify({ third: words(count) }) },
  { type: 'function_call_output', call_id: 'call_1', output: `fourth ${words(count)}` },
  { role: 'assistant', content: `fifth ${words(count)}` },
  { role: 'user', content: `last ${words(count)}` },
]
const marks = ['first', 'second', 'third', 'fourth', 'fifth', 'last'] as const
const marksIn = (body: unknown) => marks.filter((mark) => JSON.stringify(body).includes(mark))
const request = { model: 'm', instructions: 'Keep the rules.', truncation: 'auto' } as const

for (const engine of engines) {
  for (const speaksResponses of [false, true]) {
    describe(`a request that may be truncated, ${engine}, ${speaksResponses ? 'passed' : 'translated'}`, () => {
      async function start(t: TestContext, options: Omit<Options, 'speaksResponses'>) {
        const endpoint = await startEndpoint(t, { ...options, speaksResponses })
        const type = speaksResponses ? 'vllm' : 'lmdeploy'
        const gateway = await startGateway(t, [{ url: endpoint.url, type }], { proxy: engineOf(engine) })
        return {
          ...endpoint,
          client: new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'any', maxRetries: 0 }),
        }
      }

      it('reaches the endpoint short enough for the context that it lists', async (t) => {
        const { client, sent } = await start(t, { listed: 800, accepted: 800 })
        const response = await client.responses.create({
          ...request,
          input: conversation(200),
          max_output_tokens: 50,
        })
        assert.deepEqual([response.output_text, response.truncation ?? 'auto'], ['ok', 'auto'])
        assert.equal(sent.length, 1)
        assert.deepEqual(marksIn(sent[0]), ['fifth', 'last'])
        assert.ok(JSON.stringify(sent[0]).includes('Keep the rules.'))
      })

      it('is shortened after the endpoint has refused it', async (t) => {
        const { client, sent } = await start(t, { accepted: 900 })
        const response = await client.responses.create({
          ...request,
          input: conversation(200),
          max_output_tokens: 10,
        })
        assert.equal(response.output_text, 'ok')
        assert.equal(sent.length, 2)
        assert.deepEqual(marksIn(sent[0]), [...marks])
        const left = marksIn(sent[1])
        assert.ok(left.includes('last') && !left.includes('first'), left.join())
        assert.equal(left.includes('third'), left.includes('fourth'))
      })

      it('fails if its last message alone is too long', async (t) => {
        const { client, sent } = await start(t, { accepted: 100 })
        const failed = client.responses.create({ ...request, input: conversation(200) })
        await assert.rejects(failed, (error) => {
          assert.ok(error instanceof OpenAI.BadRequestError)
          assert.equal(error.code, 'context_length_exceeded')
          return true
        })
        assert.ok(sent.length > 1 && sent.length <= 4, `${sent.length} attempts`)
      })

      it('fails with a full context unless it says auto', async (t) => {
        const { client, sent } = await start(t, { listed: 800, accepted: 800 })
        for (const truncation of [{ truncation: 'disabled' }, { truncation: null }, {}] as const) {
          const failed = client.responses.create({
            ...request,
            truncation: null,
            ...truncation,
            input: conversation(200),
          })
          await assert.rejects(failed, (error) => {
            assert.ok(error instanceof OpenAI.BadRequestError)
            assert.equal(error.code, 'context_length_exceeded')
            return true
          })
        }
        assert.equal(sent.length, 3)
      })

      it('is shortened with all that it continues, and stays whole in the store', async (t) => {
        const { client, sent } = await start(t, { listed: 800, accepted: 800 })
        const { id } = await client.conversations.create({
          items: conversation(60) as OpenAI.Responses.ResponseInputItem[],
        })
        await client.responses.create({
          ...request,
          conversation: id,
          input: `next ${words(400)}`,
          max_output_tokens: 10,
        })
        assert.equal(sent.length, 1)
        assert.ok(!marksIn(sent[0]).includes('first'))
        assert.ok(JSON.stringify(sent[0]).includes('next'))
        const items = await client.conversations.items.list(id, { limit: 100 })
        assert.equal(items.data.length, 8)
      })

      it('is shortened in the background too', async (t) => {
        const { client, sent } = await start(t, { listed: 800, accepted: 800 })
        let response = await client.responses.create({
          ...request,
          input: conversation(200),
          background: true,
        })
        while (response.status === 'queued' || response.status === 'in_progress')
          response = await client.responses.retrieve(response.id)
        assert.ok(!marksIn(sent[0]).includes('first'))
        const items = await client.responses.inputItems.list(response.id)
        assert.equal(items.data.length, 6)
      })
    })
  }
}
