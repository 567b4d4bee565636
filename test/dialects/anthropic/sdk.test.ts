import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import Anthropic from '@anthropic-ai/sdk'
import type { SimulatorKind } from '../../../simulator/model.ts'
import type { Script } from '../../../simulator/script.ts'
import { engineOf, engines } from '../../integration/engines.ts'
import { lastPost } from '../../support/simulator.ts'
import { behind, request } from './support.ts'

/** Every backend type, and whether it has the API itself. */
const kinds: readonly (readonly [SimulatorKind, 'passthrough' | null])[] = [
  ['ollama', 'passthrough'],
  ['lm-studio', 'passthrough'],
  ['vllm', 'passthrough'],
  ['vllm-mlx', 'passthrough'],
  ['llamacpp', 'passthrough'],
  ['omlx', 'passthrough'],
  ['docker-model-runner', 'passthrough'],
  ['sglang', null],
  ['lemonade', null],
  ['litellm', 'passthrough'],
  ['lmdeploy', null],
  ['openai-compatible', null],
]

async function atBothAddresses(t: TestContext, kind: SimulatorKind, engine = 'olla') {
  const { gateway, simulators, client } = await behind(t, [{ kind, name: 'box' }], {
    proxy: engineOf(engine),
  })
  const [simulator] = simulators
  assert.ok(simulator)
  const below = new Anthropic({ baseURL: `${gateway.url}/olla/anthropic`, apiKey: 'any', maxRetries: 0 })
  return { simulator, client, clients: [client, below] }
}

const toolScript: Script = {
  reasoning: 'Two cities, two calls.',
  text: 'I look at both.',
  toolCalls: [
    { id: 'call_a', name: 'weather', arguments: '{"city": "Paris", "days": 2}' },
    { id: 'call_b', name: 'weather', arguments: '{"city": "Rome \\"}{\\""}' },
  ],
  interleaved: true,
  cachedTokens: 3,
}
const toolContent = [
  { type: 'thinking', thinking: 'Two cities, two calls.', signature: '' },
  { type: 'text', text: 'I look at both.' },
  { type: 'tool_use', id: 'call_a', name: 'weather', input: { city: 'Paris', days: 2 } },
  { type: 'tool_use', id: 'call_b', name: 'weather', input: { city: 'Rome "}{"' } },
]

for (const [kind, mode] of kinds) {
  describe(`the Anthropic client on ${kind}`, () => {
    it('gets a message, at both base URLs', async (t) => {
      const { clients } = await atBothAddresses(t, kind)
      for (const client of clients) {
        const { data, response } = await client.messages.create({ ...request, max_tokens: 3 }).withResponse()
        assert.deepEqual(data.content, [{ type: 'text', text: '[box] the quick' }])
        assert.equal(data.stop_reason, 'max_tokens')
        assert.equal(data.role, 'assistant')
        assert.deepEqual([data.usage.input_tokens, data.usage.output_tokens], [4, 3])
        assert.equal(response.headers.get('x-olla-mode'), mode)
        assert.equal(response.headers.get('x-olla-endpoint'), kind)
        assert.ok(response.headers.get('request-id'))
        assert.equal(response.headers.get('request-id'), response.headers.get('x-olla-request-id'))
      }
    })

    it('streams thinking, text and parallel calls', async (t) => {
      const { client, simulator } = await atBothAddresses(t, kind)
      simulator.control.script(toolScript)
      const stream = client.messages.stream({
        ...request,
        tools: [{ name: 'weather', input_schema: { type: 'object' } }],
        thinking: { type: 'enabled', budget_tokens: 1024 },
      })
      const texts: string[] = []
      const pieces: string[] = []
      stream.on('text', (piece) => texts.push(piece))
      stream.on('inputJson', (piece) => pieces.push(piece))
      const message = await stream.finalMessage()
      assert.deepEqual(
        // If the backend type does not define the field for thinking, the signature does.
        message.content.map((block) =>
          block.type === 'thinking' ? { ...block, signature: '' } : { ...block },
        ),
        toolContent,
      )
      assert.equal(message.stop_reason, 'tool_use')
      assert.equal(texts.join(''), 'I look at both.')
      assert.ok(pieces.length > 4, 'arguments arrive in several deltas')
      assert.equal(message.usage.cache_read_input_tokens, 3)
      assert.equal(message.usage.input_tokens, 1)
    })
  })
}

for (const engine of engines) {
  describe(`a translation for the Anthropic client by the ${engine} engine`, () => {
    const translated = (t: TestContext) => atBothAddresses(t, 'sglang', engine)

    it('has the same blocks in whole answers', async (t) => {
      const { client, simulator } = await translated(t)
      simulator.control.script(toolScript)
      const message = await client.messages.create(request)
      assert.deepEqual(message.content, toolContent)
      assert.equal(message.stop_reason, 'tool_use')
    })

    it('separates thinking between tags', async (t) => {
      const { client, simulator } = await translated(t)
      simulator.control.script({ reasoning: 'hm, let me see', text: 'Four words.', thinkTags: true })
      const message = await client.messages.stream(request).finalMessage()
      assert.deepEqual(message.content, [
        { type: 'thinking', thinking: 'hm, let me see', signature: '' },
        { type: 'text', text: 'Four words.' },
      ])
    })

    it('reports a stop sequence', async (t) => {
      const { client, simulator } = await translated(t)
      simulator.control.script({ text: 'one two', stopSequence: 'END' })
      const message = await client.messages.create({ ...request, stop_sequences: ['END'] })
      assert.equal(message.stop_reason, 'stop_sequence')
      assert.equal(message.stop_sequence, 'END')
      assert.match(String(lastPost(simulator)?.body), /"stop":\["END"\]/)
    })

    it('sends images to the endpoint', async (t) => {
      const { client, simulator } = await translated(t)
      await client.messages.create({
        ...request,
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'what is this?' },
              { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } },
              { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
            ],
          },
        ],
      })
      const sent = JSON.parse(String(lastPost(simulator)?.body))
      assert.deepEqual(
        sent.messages[0].content.map((part: { image_url?: { url: string } }) => part.image_url?.url),
        [undefined, 'data:image/png;base64,iVBORw0KGgo=', 'https://example.com/a.png'],
      )
    })

    it('supports the tool runner over several rounds', async (t) => {
      const { client, simulator } = await translated(t)
      simulator.control.script(
        { text: 'Looking.', toolCalls: [{ name: 'weather', arguments: '{"city":"Paris"}' }] },
        { toolCalls: [{ id: 'call_9', name: 'weather', arguments: '{"city":"Rome"}' }] },
        { text: 'Sun in both.' },
      )
      const asked: unknown[] = []
      const final = await client.beta.messages.toolRunner({
        ...request,
        tools: [
          {
            name: 'weather',
            description: 'Tells the weather.',
            input_schema: { type: 'object', properties: { city: { type: 'string' } } },
            parse: (input: unknown) => input as { city: string },
            run: (input: { city: string }) => {
              asked.push(input)
              return `sun in ${input.city}`
            },
          },
        ],
      })
      assert.deepEqual(asked, [{ city: 'Paris' }, { city: 'Rome' }])
      assert.deepEqual(final.content, [{ type: 'text', text: 'Sun in both.' }])
      const sent = JSON.parse(String(lastPost(simulator)?.body))
      assert.deepEqual(
        sent.messages.map(({ role, tool_call_id }: { role: string; tool_call_id?: string }) => [
          role,
          tool_call_id,
        ]),
        [
          ['user', undefined],
          ['assistant', undefined],
          ['tool', 'call_0'],
          ['assistant', undefined],
          ['tool', 'call_9'],
        ],
      )
    })
  })
}
