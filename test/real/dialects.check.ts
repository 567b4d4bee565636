import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { engineOf, engines } from '../integration/engines.ts'
import { startGateway } from '../support/gateway.ts'
import { type ServerSettings, sentence, skipReason, startLlamaServer } from './llama-server.ts'

const weather = {
  name: 'get_weather',
  description: 'The weather of a city.',
  schema: { type: 'object' as const, properties: { city: { type: 'string' } }, required: ['city'] },
}
const chatTools: OpenAI.ChatCompletionTool[] = [
  {
    type: 'function',
    function: { name: weather.name, description: weather.description, parameters: weather.schema },
  },
]
const messages = [{ role: 'user' as const, content: 'hello' }]
const request = { model: 'tiny', messages }

async function behind(t: TestContext, settings: ServerSettings, engine: string, translates = false) {
  const server = await startLlamaServer(t, settings)
  const gateway = await startGateway(t, [{ url: server.url, type: 'llamacpp' }], {
    proxy: engineOf(engine),
    translators: { anthropic: { passthrough_enabled: !translates } },
  })
  return {
    gateway,
    openai: new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'any', maxRetries: 0 }),
    anthropic: new Anthropic({ baseURL: gateway.url, apiKey: 'any', maxRetries: 0 }),
  }
}

for (const engine of engines) {
  describe(`official clients with a real llama.cpp server, engine ${engine}`, {
    skip: skipReason(),
  }, () => {
    it('chat, streamed and not', async (t) => {
      const { openai } = await behind(t, {}, engine)
      const whole = await openai.chat.completions.create(request)
      assert.equal(whole.choices[0]?.message.content, sentence)
      assert.equal(whole.usage?.completion_tokens, 8)
      let text = ''
      for await (const chunk of await openai.chat.completions.create({ ...request, stream: true }))
        text += chunk.choices[0]?.delta.content ?? ''
      assert.equal(text, sentence)
    })

    it('use Responses, streamed and not', async (t) => {
      const { openai } = await behind(t, {}, engine)
      const whole = await openai.responses.create({ model: 'tiny', input: 'hello' })
      assert.equal(whole.output_text, sentence)
      let text = ''
      let isCompleted = false
      const stream = await openai.responses.create({ model: 'tiny', input: 'hello', stream: true })
      for await (const event of stream) {
        if (event.type === 'response.output_text.delta') text += event.delta
        isCompleted ||= event.type === 'response.completed'
      }
      assert.equal(text, sentence)
      assert.ok(isCompleted)
    })

    for (const translates of [false, true]) {
      const way = translates ? 'translated' : 'passed through'
      it(`use Messages ${way}, streamed and not`, async (t) => {
        const { anthropic } = await behind(t, {}, engine, translates)
        const whole = await anthropic.messages.create({ ...request, max_tokens: 50 })
        assert.deepEqual(
          whole.content.map((block) => block.type === 'text' && block.text),
          [sentence],
        )
        assert.equal(whole.stop_reason, 'end_turn')
        const stream = anthropic.messages.stream({ ...request, max_tokens: 50 })
        assert.equal(await stream.finalText(), sentence)
        assert.equal((await stream.finalMessage()).usage.output_tokens, 8)
      })

      it(`use Messages ${way} with a tool call and its result`, async (t) => {
        const { anthropic } = await behind(t, { behaviour: 'calls' }, engine, translates)
        const tools = [{ name: weather.name, description: weather.description, input_schema: weather.schema }]
        const asked = { ...request, max_tokens: 100, tools }
        for (const answer of [
          await anthropic.messages.create(asked),
          await anthropic.messages.stream(asked).finalMessage(),
        ]) {
          const call = answer.content.find((block) => block.type === 'tool_use')
          assert.equal(call?.name, weather.name)
          assert.deepEqual(call?.input, { city: 'Paris' })
          assert.equal(answer.stop_reason, 'tool_use')
          const turn = await anthropic.messages.create({
            ...asked,
            messages: [
              ...messages,
              { role: 'assistant', content: answer.content },
              {
                role: 'user',
                content: [{ type: 'tool_result', tool_use_id: call?.id ?? '', content: 'sunny' }],
              },
            ],
          })
          assert.equal(turn.role, 'assistant')
        }
      })

      it(`use Messages ${way} with structured output`, async (t) => {
        const { anthropic } = await behind(t, {}, engine, translates)
        const schema = {
          type: 'object',
          properties: { color: { type: 'string', enum: ['blue'] } },
          required: ['color'],
          additionalProperties: false,
        }
        const answer = await anthropic.messages.create({
          ...request,
          max_tokens: 100,
          // So that the white space of the JSON does not use up all tokens.
          ...{ temperature: 0 },
          output_config: { format: { type: 'json_schema', schema } },
        })
        const [block] = answer.content
        assert.deepEqual(JSON.parse(block?.type === 'text' ? block.text : ''), { color: 'blue' })
      })

      it(`counts tokens for Messages ${way}`, async (t) => {
        const { anthropic } = await behind(t, {}, engine, translates)
        const { input_tokens: counted } = await anthropic.messages.countTokens(request)
        const { usage } = await anthropic.messages.create({ ...request, max_tokens: 20 })
        assert.equal(counted, usage.input_tokens + (usage.cache_read_input_tokens ?? 0))
      })
    }

    it('call a tool in chat, streamed and not', async (t) => {
      const { openai } = await behind(t, { behaviour: 'calls' }, engine)
      const whole = await openai.chat.completions.create({ ...request, tools: chatTools })
      const [call] = whole.choices[0]?.message.tool_calls ?? []
      assert.equal(call?.type === 'function' && call.function.arguments, '{"city": "Paris"}')
      const stream = openai.chat.completions.stream({ ...request, tools: chatTools })
      const [streamed] = (await stream.finalMessage()).tool_calls ?? []
      assert.equal(streamed?.type === 'function' && streamed.function.name, weather.name)
    })

    it('get structured output in chat', async (t) => {
      const { openai } = await behind(t, {}, engine)
      const answer = await openai.chat.completions.create({
        ...request,
        max_tokens: 50,
        temperature: 0,
        response_format: {
          type: 'json_schema',
          json_schema: {
            name: 'color',
            strict: true,
            schema: {
              type: 'object',
              properties: { color: { enum: ['blue'] } },
              required: ['color'],
              additionalProperties: false,
            },
          },
        },
      })
      assert.deepEqual(JSON.parse(answer.choices[0]?.message.content ?? ''), { color: 'blue' })
    })

    it('get embeddings', async (t) => {
      const { openai } = await behind(t, { embeddings: true }, engine)
      const { data } = await openai.embeddings.create({ model: 'tiny', input: ['one', 'two'] })
      assert.deepEqual(
        data.map(({ embedding }) => embedding.length),
        [64, 64],
      )
    })
  })
}
