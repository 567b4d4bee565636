import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { suite, test } from 'node:test'
import OpenAI, { APIError, toFile } from 'openai'
import { type SimulatorKind, simulatorKinds } from '../../simulator/model.ts'
import { withSimulator } from '../support/simulator.ts'

const model = 'llama3.2:3b'
const messages = [{ role: 'user' as const, content: 'count these four words' }]

/** Where each kind has its OpenAI routes. */
function basePath(kind: SimulatorKind): string {
  if (kind === 'lemonade') return '/api/v1'
  return kind === 'docker-model-runner' ? '/engines/v1' : '/v1'
}

function client(url: string, path = '/v1', apiKey = 'unused'): OpenAI {
  return new OpenAI({ baseURL: `${url}${path}`, apiKey, maxRetries: 0 })
}

for (const kind of simulatorKinds) {
  test(`the openai client chats with ${kind}`, async (t) => {
    const simulator = await withSimulator(t, { kind, name: 'box', models: [model] })
    const openai = client(simulator.url, basePath(kind))

    const whole = await openai.chat.completions.create({ model, messages, max_tokens: 3 })
    assert.equal(whole.choices[0]?.message.content, '[box] the quick')
    assert.equal(whole.choices[0]?.finish_reason, 'length')
    assert.deepEqual(whole.usage, { prompt_tokens: 4, completion_tokens: 3, total_tokens: 7 })

    const stream = await openai.chat.completions.create({
      model,
      messages,
      stream: true,
      stream_options: { include_usage: true },
    })
    let text = ''
    const reasons: string[] = []
    const roles: string[] = []
    let usage: OpenAI.CompletionUsage | null | undefined
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? ''
      if (chunk.choices[0]?.delta.role) roles.push(chunk.choices[0].delta.role)
      if (chunk.choices[0]?.finish_reason) reasons.push(chunk.choices[0].finish_reason)
      usage = chunk.usage ?? usage
    }
    assert.match(text, /^\[box\] the quick brown llama/)
    assert.equal(text.split(' ').length, 16)
    assert.deepEqual(roles, ['assistant'])
    assert.deepEqual(reasons, ['stop'])
    assert.deepEqual(usage, { prompt_tokens: 4, completion_tokens: 16, total_tokens: 20 })

    const names: string[] = []
    for await (const each of openai.models.list()) names.push(each.id)
    assert.deepEqual(names, [model])
    assert.equal((await openai.models.retrieve(model)).id, model)
  })
}

suite('the openai client', () => {
  test('gets no usage in a stream unless it requests it', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', models: [model] })
    const stream = await client(simulator.url).chat.completions.create({ model, messages, stream: true })
    for await (const chunk of stream) {
      assert.equal(chunk.usage ?? undefined, undefined)
      assert.equal(chunk.choices.length, 1)
    }
  })

  test('completes text', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', models: [model], name: 'box' })
    const openai = client(simulator.url)
    const whole = await openai.completions.create({ model, prompt: 'one two', max_tokens: 2 })
    assert.equal(whole.choices[0]?.text, '[box] the')
    assert.deepEqual(whole.usage, { prompt_tokens: 2, completion_tokens: 2, total_tokens: 4 })
    const stream = await openai.completions.create({ model, prompt: 'one', max_tokens: 2, stream: true })
    let text = ''
    for await (const chunk of stream) text += chunk.choices[0]?.text ?? ''
    assert.equal(text, '[box] the')
  })

  test('embeds the same vectors as numbers and as base64', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', models: [model] })
    const openai = client(simulator.url)
    const input = ['first text', 'second']
    // Without an encoding the client requests base64 and decodes it.
    const packed = await openai.embeddings.create({ model, input, dimensions: 24 })
    const plain = await openai.embeddings.create({ model, input, dimensions: 24, encoding_format: 'float' })
    assert.equal(packed.data[0]?.embedding.length, 24)
    assert.deepEqual(
      packed.data.map(({ embedding }) => [...embedding]),
      plain.data.map(({ embedding }) => embedding),
    )
    assert.notDeepEqual(plain.data[0]?.embedding, plain.data[1]?.embedding)
    assert.equal(plain.usage.prompt_tokens, 3)
  })

  test('uploads audio completely', async (t) => {
    const simulator = await withSimulator(t, { kind: 'openai-compatible', models: [model], name: 'box' })
    const sound = Buffer.alloc(300_000, 'a sound')
    const heard = await client(simulator.url).audio.transcriptions.create({
      model,
      file: await toFile(sound, 'sound.wav'),
    })
    const request = simulator.control.requests()[0]
    assert.ok(request !== undefined && request.body.length > sound.length)
    assert.equal(heard.text, `[box] heard ${request.body.length} bytes`)
    assert.ok(request.body.includes(sound))
    assert.equal(request.bodySha256, createHash('sha256').update(request.body).digest('hex'))
  })

  test('generates images', async (t) => {
    const simulator = await withSimulator(t, { kind: 'openai-compatible', models: [model] })
    const painted = await client(simulator.url).images.generate({ model, prompt: 'a llama', n: 2 })
    assert.equal(painted.data?.length, 2)
    const image = Buffer.from(painted.data?.[0]?.b64_json ?? '', 'base64')
    assert.equal(image.subarray(1, 4).toString('latin1'), 'PNG')
  })

  test('receives an error for an unknown model, an invalid body and a wrong key', async (t) => {
    const simulator = await withSimulator(t, { kind: 'openai-compatible', models: [model], apiKey: 'right' })
    const openai = client(simulator.url, '/v1', 'right')
    await assert.rejects(
      openai.chat.completions.create({ model: 'nobody', messages }),
      (error) => error instanceof APIError && error.status === 404 && error.code === 'model_not_found',
    )
    await assert.rejects(
      openai.post('/chat/completions', { body: { model } }),
      (error) => error instanceof APIError && error.status === 400,
    )
    await assert.rejects(
      client(simulator.url, '/v1', 'wrong').models.list(),
      (error) => error instanceof APIError && error.status === 401,
    )
    assert.deepEqual(simulator.control.counters().generationsStarted, 0)
  })
})
