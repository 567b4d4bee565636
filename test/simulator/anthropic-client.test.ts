import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import Anthropic, { APIError } from '@anthropic-ai/sdk'
import type { SimulatorKind } from '../../simulator/model.ts'
import { withSimulator } from '../support/simulator.ts'

const model = 'llama3.2:3b'
const system = 'two words'
const messages = [
  { role: 'user' as const, content: [{ type: 'text' as const, text: 'count these four words' }] },
]
const native: readonly SimulatorKind[] = [
  'ollama',
  'lm-studio',
  'vllm',
  'vllm-mlx',
  'llamacpp',
  'omlx',
  'docker-model-runner',
]

function client(url: string, kind: SimulatorKind): Anthropic {
  const baseURL = kind === 'docker-model-runner' ? `${url}/anthropic` : url
  return new Anthropic({ baseURL, apiKey: 'right', maxRetries: 0 })
}

for (const kind of native) {
  test(`the anthropic client talks to ${kind}`, async (t) => {
    const simulator = await withSimulator(t, { kind, name: 'box', models: [model], apiKey: 'right' })
    const anthropic = client(simulator.url, kind)
    const request = { model, system, messages, max_tokens: 3 }
    const whole = await anthropic.messages.create(request)
    assert.deepEqual(whole.content, [{ type: 'text', text: '[box] the quick' }])
    assert.equal(whole.stop_reason, 'max_tokens')
    assert.equal(whole.usage.input_tokens, 6)
    assert.equal(whole.usage.output_tokens, 3)

    const events: string[] = []
    for await (const event of await anthropic.messages.create({ ...request, stream: true })) {
      events.push(event.type)
    }
    const delta = 'content_block_delta'
    assert.deepEqual(
      events.filter((type) => String(type) !== 'ping'),
      [
        'message_start',
        'content_block_start',
        delta,
        delta,
        delta,
        'content_block_stop',
        'message_delta',
        'message_stop',
      ],
    )

    const final = await anthropic.messages.stream(request).finalMessage()
    assert.deepEqual(final.content, whole.content)
    assert.equal(final.stop_reason, 'max_tokens')
    assert.equal(final.usage.output_tokens, 3)
  })
}

suite('the anthropic client', () => {
  test('counts tokens if the server can', async (t) => {
    const counting = await withSimulator(t, { kind: 'llamacpp', models: [model] })
    const count = await client(counting.url, 'llamacpp').messages.countTokens({ model, system, messages })
    assert.equal(count.input_tokens, 6)
    const other = await withSimulator(t, { kind: 'ollama', models: [model] })
    await assert.rejects(
      client(other.url, 'ollama').messages.countTokens({ model, messages }),
      (error) => error instanceof APIError && error.status === 404,
    )
  })

  test('reads errors in its own dialect', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', models: [model] })
    const anthropic = client(simulator.url, 'vllm')
    await assert.rejects(
      anthropic.messages.create({ model: 'nobody', messages, max_tokens: 1 }),
      (error) => error instanceof APIError && error.status === 404 && error.type === 'not_found_error',
    )
  })

  test('finds no messages route on servers without one', async (t) => {
    const simulator = await withSimulator(t, { kind: 'sglang', models: [model] })
    await assert.rejects(
      client(simulator.url, 'sglang').messages.create({ model, messages, max_tokens: 1 }),
      (error) => error instanceof APIError && error.status === 404,
    )
  })
})
