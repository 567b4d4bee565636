import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import Anthropic from '@anthropic-ai/sdk'
import { Ollama } from 'ollama'
import OpenAI from 'openai'
import type { Script } from '../../simulator/script.ts'
import { type RunningGateway, startGateway } from '../support/gateway.ts'
import { lastPost, withSimulator } from '../support/simulator.ts'

const model = 'm'
const messages = [{ role: 'user' as const, content: 'hi' }]
const parameters = { type: 'object' as const, properties: { at: { type: 'string' } } }
const tools: OpenAI.ChatCompletionTool[] = [{ type: 'function', function: { name: 'look', parameters } }]
const script: Script = {
  text: 'one two — three',
  toolCalls: [
    { id: 'call_a', name: 'look', arguments: '{"at":"the sky"}' },
    { id: 'call_b', name: 'look', arguments: '{"at":"here"}' },
  ],
}

const openai = ({ url }: RunningGateway) => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'any', maxRetries: 0 })
const ollama = ({ url }: RunningGateway) => new Ollama({ host: url })

/** Requests for whole answers by the official clients. */
const clients: Readonly<Record<string, (gateway: RunningGateway) => Promise<unknown>>> = {
  chat: (gateway) => openai(gateway).chat.completions.create({ model, messages, tools, logprobs: true }),
  completions: (gateway) => openai(gateway).completions.create({ model, prompt: 'hi' }),
  responses: (gateway) =>
    openai(gateway).responses.create({
      model,
      input: 'hi',
      store: false,
      tools: [{ type: 'function', name: 'look', parameters, strict: false }],
    }),
  messages: ({ url }) =>
    new Anthropic({ baseURL: url, apiKey: 'any', maxRetries: 0 }).messages.create({
      model,
      messages,
      max_tokens: 50,
      tools: [{ name: 'look', input_schema: parameters }],
    }),
  'ollama chat': (gateway) =>
    ollama(gateway).chat({
      model,
      messages,
      stream: false,
      tools: [{ type: 'function', function: { name: 'look', description: 'look', parameters } }],
    }),
  'ollama generate': (gateway) => ollama(gateway).generate({ model, prompt: 'hi', stream: false }),
}

/** Without what differs from one answer to the next. */
function stable(answer: unknown): unknown {
  return JSON.parse(
    JSON.stringify(answer, (key, value: unknown) =>
      /duration|created|^id$|_at$|^call_id$|request_id/.test(key) && value !== undefined ? 0 : value,
    ),
  )
}

async function behind(t: TestContext, kind: 'vllm' | 'ollama', stream_upstream: string) {
  const models = [{ name: model, capabilities: ['completion', 'tools'] as const }]
  const simulator = await withSimulator(t, { kind, models })
  const gateway = await startGateway(t, [{ url: simulator.url, type: kind }], { proxy: { stream_upstream } })
  return { simulator, gateway }
}

/** vLLM loses parts of tool calls in the streams of its older Messages route; see its profile. */
const neverStreamed = 'vllm messages'

describe('official clients that ask for whole answers', () => {
  for (const kind of ['vllm', 'ollama'] as const) {
    it(`get by streams of ${kind} what they get without`, async (t) => {
      const [plain, streamed] = await Promise.all(
        ['never', 'always'].map((stream_upstream) => behind(t, kind, stream_upstream)),
      )
      assert.ok(plain !== undefined && streamed !== undefined)
      for (const [name, ask] of Object.entries(clients)) {
        const answers: unknown[] = []
        for (const { simulator, gateway } of [plain, streamed]) {
          simulator.control.script(script)
          answers.push(stable(await ask(gateway)))
        }
        const isStreamed: boolean = lastPost(streamed.simulator)?.json().stream === true
        assert.equal(isStreamed, `${kind} ${name}` !== neverStreamed, name)
        assert.deepEqual(answers[1], answers[0], name)
      }
    })
  }
})
