import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { Ollama } from 'ollama'
import { eventually, withSimulator } from '../support/simulator.ts'

const model = 'llama3.2:3b'
const messages = [{ role: 'user', content: 'count these four words' }]

suite('the ollama client', () => {
  test('chats, streamed and not', async (t) => {
    const simulator = await withSimulator(t, { kind: 'ollama', name: 'box', models: [model] })
    const ollama = new Ollama({ host: simulator.url })
    const whole = await ollama.chat({ model, messages, options: { num_predict: 3 } })
    assert.equal(whole.message.content, '[box] the quick')
    assert.equal(whole.done_reason, 'length')
    assert.equal(whole.prompt_eval_count, 4)
    assert.equal(whole.eval_count, 3)

    let text = ''
    let parts = 0
    for await (const part of await ollama.chat({ model, messages, stream: true })) {
      text += part.message.content
      parts++
      assert.equal(part.done, parts === 17)
      if (!part.done) continue
      assert.equal(part.done_reason, 'stop')
      assert.equal(part.eval_count, 16)
      for (const duration of [part.total_duration, part.load_duration, part.eval_duration]) {
        assert.ok(Number.isInteger(duration) && duration > 0)
      }
    }
    assert.equal(parts, 17)
    assert.match(text, /^\[box\] the quick brown/)
  })

  test('generates, streamed and not', async (t) => {
    const simulator = await withSimulator(t, { kind: 'ollama', name: 'box', models: [model] })
    const ollama = new Ollama({ host: simulator.url })
    const request = { model, prompt: 'two words', options: { num_predict: 2 } }
    const whole = await ollama.generate(request)
    assert.equal(whole.response, '[box] the')
    assert.equal(whole.prompt_eval_count, 2)
    let text = ''
    for await (const part of await ollama.generate({ ...request, stream: true })) text += part.response
    assert.equal(text, '[box] the')
    const loaded = await ollama.generate({ model, prompt: '' })
    assert.equal(loaded.done_reason, 'load')
  })

  test('lists, shows and embeds', async (t) => {
    const simulator = await withSimulator(t, {
      kind: 'ollama',
      version: '0.15.0',
      models: [
        { name: model, parameterSize: '3.2B', contextLength: 4096 },
        { name: 'nomic-embed-text:latest', loaded: false },
      ],
    })
    const ollama = new Ollama({ host: simulator.url })
    const { models } = await ollama.list()
    assert.deepEqual(
      models.map(({ name, details }) => [name, details.parameter_size]),
      [
        [model, '3.2B'],
        ['nomic-embed-text:latest', '7B'],
      ],
    )
    assert.match(models[0]?.digest ?? '', /^[0-9a-f]{64}$/)
    assert.deepEqual(
      (await ollama.ps()).models.map(({ name }) => name),
      [model],
    )
    const shown = await ollama.show({ model })
    assert.ok(Object.values(shown.model_info).includes(4096))
    // A name without a tag means `:latest`.
    const { embeddings } = await ollama.embed({ model: 'nomic-embed-text', input: ['a', 'b'] })
    assert.equal(embeddings.length, 2)
    const older = await ollama.embeddings({ model, prompt: 'a' })
    assert.deepEqual(older.embedding, embeddings[0])
    assert.equal((await ollama.version()).version, '0.15.0')
  })

  test('receives an error for an unknown model', async (t) => {
    const simulator = await withSimulator(t, { kind: 'ollama', models: [model] })
    const ollama = new Ollama({ host: simulator.url })
    await assert.rejects(ollama.chat({ model: 'nobody', messages }), /model 'nobody' not found/)
  })

  test('is counted when it aborts', async (t) => {
    const simulator = await withSimulator(t, { kind: 'ollama', models: [model], tokensPerSecond: 20 })
    const ollama = new Ollama({ host: simulator.url })
    const stream = await ollama.chat({ model, messages, stream: true, options: { num_predict: 1000 } })
    await assert.rejects(
      async () => {
        for await (const _ of stream) stream.abort()
      },
      { name: 'AbortError' },
    )
    await eventually(() => simulator.control.counters().aborts === 1)
    const { inFlight, generationsStarted, generationsFinished } = simulator.control.counters()
    assert.deepEqual([inFlight, generationsStarted, generationsFinished], [0, 1, 0])
  })
})
