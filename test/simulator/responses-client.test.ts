import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import OpenAI, { APIError } from 'openai'
import type { SimulatorKind } from '../../simulator/model.ts'
import type { Script } from '../../simulator/script.ts'
import { withSimulator } from '../support/simulator.ts'

const model = 'llama3.2:3b'
const request = { model, input: 'count these four words' }
/** The kinds that have the Responses API, and whether they keep responses and where they put thoughts. */
const kinds: readonly (readonly [SimulatorKind, boolean, 'summary' | 'content'])[] = [
  ['ollama', false, 'summary'],
  ['vllm', false, 'content'],
  ['llamacpp', false, 'content'],
  ['omlx', false, 'content'],
  ['lemonade', false, 'content'],
  ['lm-studio', true, 'summary'],
  ['litellm', true, 'summary'],
]
const script: Script = {
  reasoning: 'hm hm',
  text: 'Look at this.',
  toolCalls: [
    { name: 'f', arguments: '{"city":"Paris"}' },
    { id: 'b', name: 'g', arguments: '{}' },
  ],
  cachedTokens: 2,
}

function client(url: string): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused', maxRetries: 0 })
}

for (const [kind, stores, thoughts] of kinds) {
  suite(`the Responses API of a simulated ${kind}`, () => {
    test('generates, whole and streamed', async (t) => {
      const simulator = await withSimulator(t, { kind, name: 'box', models: [model] })
      const openai = client(simulator.url)
      const whole = await openai.responses.create({ ...request, instructions: 'two words' })
      assert.equal(whole.status, 'completed')
      assert.match(whole.output_text, /^\[box\] the quick/)
      assert.equal(whole.usage?.input_tokens, 6)
      assert.equal(whole.usage?.output_tokens, 16)

      const cut = await openai.responses.stream({ ...request, max_output_tokens: 3 }).finalResponse()
      assert.equal(cut.output_text, '[box] the quick')
      assert.equal(cut.status, 'incomplete')
      assert.deepEqual(cut.incomplete_details, { reason: 'max_output_tokens' })
    })

    test('thinks and calls tools, the same whole and streamed', async (t) => {
      const simulator = await withSimulator(t, { kind, models: [model] })
      simulator.control.script(script, script)
      const openai = client(simulator.url)
      const whole = await openai.responses.create(request)
      const [reasoning, message, first, second] = whole.output
      assert.equal(whole.output.length, 4)
      assert.ok(reasoning?.type === 'reasoning')
      const thought = thoughts === 'summary' ? reasoning.summary[0] : reasoning.content?.[0]
      assert.equal(thought?.text, 'hm hm')
      assert.ok(message?.type === 'message')
      assert.equal(whole.output_text, 'Look at this.')
      assert.ok(first?.type === 'function_call' && second?.type === 'function_call')
      assert.deepEqual([first.call_id, first.name, first.arguments], ['call_0', 'f', '{"city":"Paris"}'])
      assert.deepEqual([second.call_id, second.name, second.arguments], ['b', 'g', '{}'])
      assert.equal(whole.usage?.input_tokens_details.cached_tokens, 2)
      assert.equal(whole.usage?.output_tokens_details.reasoning_tokens, 2)

      const stream = openai.responses.stream(request)
      const numbers: number[] = []
      const opened = new Map<string, string>()
      for await (const event of stream) {
        numbers.push(event.sequence_number)
        if (event.type === 'response.output_item.added') opened.set(String(event.item.id), 'open')
        if (event.type === 'response.output_item.done') {
          assert.equal(opened.get(String(event.item.id)), 'open')
          opened.set(String(event.item.id), 'done')
        }
        if ('item_id' in event) assert.equal(opened.get(event.item_id), 'open', event.type)
      }
      assert.deepEqual(
        numbers,
        numbers.map((_, index) => index),
      )
      assert.equal([...opened.values()].filter((state) => state === 'done').length, 4)
      const final = await stream.finalResponse()
      const plain = (each: unknown) =>
        JSON.parse(JSON.stringify(each, (key, value) => (key === 'id' ? 0 : value)))
      const withoutParsed = plain(final.output).map((item: { parsed_arguments?: unknown }) => {
        delete item.parsed_arguments
        return item
      })
      for (const item of withoutParsed) for (const part of item.content ?? []) delete part.parsed
      assert.deepEqual(withoutParsed, plain(whole.output))
    })

    test(`${stores ? 'keeps' : 'does not keep'} responses`, async (t) => {
      const simulator = await withSimulator(t, { kind, models: [model] })
      const openai = client(simulator.url)
      const { id } = await openai.responses.create({ ...request, max_output_tokens: 2 })
      const next = { ...request, previous_response_id: id, max_output_tokens: 1 }
      if (!stores) {
        await assert.rejects(openai.responses.create(next), APIError)
        await assert.rejects(openai.responses.retrieve(id), (error) => statusOf(error) === 404)
        return
      }
      const continued = await openai.responses.create(next)
      assert.equal(continued.previous_response_id, id)
      // The first input, its answer, and the new input.
      assert.equal(continued.usage?.input_tokens, 4 + 2 + 4)
      assert.equal((await openai.responses.retrieve(id)).id, id)
      const items = await openai.responses.inputItems.list(id)
      assert.equal(items.data.length, 1)
      await openai.responses.delete(id)
      await assert.rejects(openai.responses.retrieve(id), (error) => statusOf(error) === 404)
      const unkept = await openai.responses.create({ ...request, store: false })
      await assert.rejects(openai.responses.retrieve(unkept.id), (error) => statusOf(error) === 404)
    })
  })
}

suite('a simulated response', () => {
  test('fails in the middle of a stream', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', models: [model] })
    simulator.control.script({ text: 'one two three', errorAfter: 2 })
    const events: string[] = []
    for await (const event of await client(simulator.url).responses.create({ ...request, stream: true })) {
      events.push(event.type)
      if (event.type === 'response.failed') assert.equal(event.response.error?.message, 'the engine has died')
    }
    assert.equal(events.at(-1), 'response.failed')
    assert.equal(events.filter((type) => type === 'response.output_text.delta').length, 2)
  })

  test('has log probabilities and encrypted thoughts if it is asked for them', async (t) => {
    const simulator = await withSimulator(t, { kind: 'lm-studio', models: [model] })
    simulator.control.script({ reasoning: 'hm', text: 'one two', signature: 'secret' })
    const response = await client(simulator.url).responses.create({
      ...request,
      include: ['message.output_text.logprobs', 'reasoning.encrypted_content'],
      top_logprobs: 2,
    })
    const [reasoning, message] = response.output
    assert.ok(reasoning?.type === 'reasoning' && message?.type === 'message')
    assert.equal(reasoning.encrypted_content, 'secret')
    const [part] = message.content
    assert.ok(part?.type === 'output_text')
    assert.deepEqual(
      part.logprobs?.map(({ token, top_logprobs: top }) => [token, top.length]),
      [
        ['one', 2],
        [' two', 2],
      ],
    )
  })

  test('is absent before the version that has it', async (t) => {
    for (const [kind, version, status] of [
      ['ollama', '0.13.2', 404],
      ['ollama', '0.13.3', 200],
      ['vllm', '0.9.2', 404],
      ['llamacpp', 'b6000', 404],
      ['lm-studio', '0.3.28', 200],
    ] as const) {
      const simulator = await withSimulator(t, { kind, version, models: [model] })
      const response = await fetch(`${simulator.url}/v1/responses`, {
        method: 'POST',
        body: JSON.stringify(request),
      })
      const text = await response.text()
      assert.equal(response.status, status, kind)
      if (kind === 'lm-studio') assert.match(text, /Unexpected endpoint/)
    }
  })
})

function statusOf(error: unknown): number | undefined {
  return error instanceof APIError ? error.status : undefined
}
