import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import Anthropic from '@anthropic-ai/sdk'
import { Ollama } from 'ollama'
import OpenAI from 'openai'
import type { Simulator } from '../../simulator/server.ts'
import { formats } from '../../src/dialects/all.ts'
import type { ProfileDocument } from '../../src/endpoints/profiles/profile-store.ts'
import { type RunningGateway, startGateway } from '../support/gateway.ts'
import { withSimulator } from '../support/simulator.ts'

const model = 'llama3.2:3b'
const question = 'count these four words'

/** An answer of every client, reduced to what all APIs can say. */
interface Said {
  readonly text: string
  readonly promptTokens: number | undefined
  readonly completionTokens: number | undefined
}

type Ask = (gateway: RunningGateway) => Promise<Said>

interface Client {
  readonly format: string
  readonly whole: Ask
  readonly stream: Ask
}

const openai = ({ url }: RunningGateway) => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'any', maxRetries: 0 })
const anthropic = ({ url }: RunningGateway) => new Anthropic({ baseURL: url, apiKey: 'any', maxRetries: 0 })
const ollama = ({ url }: RunningGateway) => new Ollama({ host: url })
const messages = [{ role: 'user' as const, content: question }]
const limit = { max_tokens: 3 }

const clients: readonly Client[] = [
  {
    format: 'chat',
    async whole(gateway) {
      const { choices, usage } = await openai(gateway).chat.completions.create({ model, messages, ...limit })
      return said(choices[0]?.message.content, usage?.prompt_tokens, usage?.completion_tokens)
    },
    async stream(gateway) {
      const stream = openai(gateway).chat.completions.stream({
        model,
        messages,
        ...limit,
        stream_options: { include_usage: true },
      })
      const { choices, usage } = await stream.finalChatCompletion()
      return said(choices[0]?.message.content, usage?.prompt_tokens, usage?.completion_tokens)
    },
  },
  {
    format: 'responses',
    async whole(gateway) {
      const { output_text, usage } = await openai(gateway).responses.create({
        model,
        input: question,
        max_output_tokens: 3,
      })
      return said(output_text, usage?.input_tokens, usage?.output_tokens)
    },
    async stream(gateway) {
      const stream = openai(gateway).responses.stream({ model, input: question, max_output_tokens: 3 })
      const { output_text, usage } = await stream.finalResponse()
      return said(output_text, usage?.input_tokens, usage?.output_tokens)
    },
  },
  {
    format: 'messages',
    async whole(gateway) {
      const { content, usage } = await anthropic(gateway).messages.create({ model, messages, ...limit })
      return said(textOf(content), usage.input_tokens, usage.output_tokens)
    },
    async stream(gateway) {
      const stream = anthropic(gateway).messages.stream({ model, messages, ...limit })
      const { content, usage } = await stream.finalMessage()
      return said(textOf(content), usage.input_tokens, usage.output_tokens)
    },
  },
  {
    format: 'ollama-chat',
    async whole(gateway) {
      const answer = await ollama(gateway).chat({ model, messages, options: { num_predict: 3 } })
      return said(answer.message.content, answer.prompt_eval_count, answer.eval_count)
    },
    async stream(gateway) {
      const stream = await ollama(gateway).chat({
        model,
        messages,
        options: { num_predict: 3 },
        stream: true,
      })
      let text = ''
      let last: { prompt_eval_count: number; eval_count: number } | undefined
      for await (const line of stream) {
        text += line.message.content
        last = line
      }
      return said(text, last?.prompt_eval_count, last?.eval_count)
    },
  },
  {
    format: 'ollama-generate',
    async whole(gateway) {
      const answer = await ollama(gateway).generate({ model, prompt: question, options: { num_predict: 3 } })
      return said(answer.response, answer.prompt_eval_count, answer.eval_count)
    },
    async stream(gateway) {
      const stream = await ollama(gateway).generate({
        model,
        prompt: question,
        options: { num_predict: 3 },
        stream: true,
      })
      let text = ''
      let last: { prompt_eval_count: number; eval_count: number } | undefined
      for await (const line of stream) {
        text += line.response
        last = line
      }
      return said(text, last?.prompt_eval_count, last?.eval_count)
    },
  },
  {
    format: 'completions',
    async whole(gateway) {
      const { choices, usage } = await openai(gateway).completions.create({
        model,
        prompt: question,
        ...limit,
      })
      return said(choices[0]?.text, usage?.prompt_tokens, usage?.completion_tokens)
    },
    async stream(gateway) {
      const stream = await openai(gateway).completions.create({
        model,
        prompt: question,
        ...limit,
        stream: true,
        stream_options: { include_usage: true },
      })
      let text = ''
      let usage: OpenAI.CompletionUsage | null | undefined
      for await (const part of stream) {
        text += part.choices[0]?.text ?? ''
        usage = part.usage ?? usage
      }
      return said(text, usage?.prompt_tokens, usage?.completion_tokens)
    },
  },
]

function said(
  text: string | null | undefined,
  promptTokens: number | undefined,
  completionTokens: number | undefined,
): Said {
  return { text: text ?? '', promptTokens, completionTokens }
}

function textOf(content: readonly Anthropic.ContentBlock[]): string {
  return content.map((block) => (block.type === 'text' ? block.text : '')).join('')
}

/** A backend type that has only one of the formats. */
function profileOf(format: string, path: string): ProfileDocument {
  return {
    name: `only-${format}`,
    routing: { prefixes: [`only-${format}`] },
    api: {
      openai_compatible: format === 'chat',
      paths: [path],
      ...(format === 'messages' ? { anthropic_support: { enabled: true, messages_path: path } } : {}),
    },
  }
}

/** A gateway in front of one simulated server, of which it uses only one format. */
async function behind(
  t: TestContext,
  format: string,
  path: string,
): Promise<{ readonly gateway: RunningGateway; readonly simulator: Simulator }> {
  const simulator = await withSimulator(t, { kind: 'ollama', models: [model], name: format })
  const profile = profileOf(format, path)
  const gateway = await startGateway(
    t,
    [{ url: simulator.url, name: format, type: profile.name }],
    {},
    { gateway: { profiles: [profile] } },
  )
  return { gateway, simulator }
}

describe('any client on any endpoint', () => {
  for (const endpoint of formats) {
    it(`gets an answer from an endpoint that has only ${endpoint.path}`, async (t) => {
      const { gateway, simulator } = await behind(t, endpoint.name, endpoint.path)
      const before = () => simulator.control.counters().byPath[endpoint.path] ?? 0
      for (const client of clients) {
        for (const way of ['whole', 'stream'] as const) {
          await t.test(`${client.format}, ${way}`, async () => {
            const count = before()
            const { text, promptTokens, completionTokens } = await client[way](gateway)
            assert.match(text, /^\[[a-z-]+\] the quick/)
            assert.equal(before(), count + 1)
            assert.ok((promptTokens ?? 0) > 0, 'prompt tokens')
            assert.equal(completionTokens, 3)
          })
        }
      }
    })
  }
})
