import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ollamaEmbedFormat } from '../../../src/dialects/ollama/embed/embed-formats.ts'
import { ollamaErrors } from '../../../src/dialects/ollama/errors.ts'
import { embeddingsFormat } from '../../../src/dialects/openai/embeddings/embeddings-format.ts'
import { answerTo, exchanged, gathered } from './exchange-support.ts'

const formats = { client: embeddingsFormat, endpoint: ollamaEmbedFormat }
const request = { model: 'm', input: ['a', 'b'] }
const answer = {
  model: 'x',
  embeddings: [
    [0.6, 0.8],
    [1, 0],
  ],
  prompt_eval_count: 2,
}

describe('wholeVariant', () => {
  it('sends JSON to the path of the format, or to another one', () => {
    const { variant } = exchanged(formats, request, { mode: 'translated' })
    assert.deepEqual(
      [variant.path, variant.query, variant.mode, variant.headers],
      ['/api/embed', '', 'translated', ['Content-Type', 'application/json', 'Accept', 'application/json']],
    )
    assert.equal(exchanged(formats, request, { path: '/x/embed' }).variant.path, '/x/embed')
  })

  it('reads an answer cut at every byte', () => {
    const { variant, answered } = exchanged(formats, request)
    assert.deepEqual(answerTo(variant, answer, 1), answered(answer))
  })

  it('announces JSON', () => {
    const { variant } = exchanged(formats, request)
    const whole = gathered(variant, [Buffer.from(JSON.stringify(answer))])
    assert.deepEqual(whole.headers, ['Content-Type', 'application/json; charset=utf-8'])
  })

  it('leaves errors with a status to the gateway', () => {
    const { variant } = exchanged(formats, request)
    for (const statusCode of [400, 404, 503])
      assert.equal(variant.answer?.({ statusCode, headers: [] }), undefined)
  })

  for (const [name, body, statusCode, message] of [
    [
      'an error',
      { error: 'model "x" is too large for the memory' },
      502,
      'model "x" is too large for the memory',
    ],
    ['an error with a code', { error: { message: 'busy', code: 503 } }, 503, 'busy'],
    ['plain text', 'upstream connect error', 502, 'upstream connect error'],
    ['HTML', '<html>502</html>', 502, 'The endpoint sent something that is not JSON.'],
    ['nothing', '', 502, 'The endpoint sent something that is not JSON.'],
    ['half a body', JSON.stringify(answer).slice(0, -9), 502, undefined],
    ['NaN', '{"embeddings":[[NaN],[1]]}', 502, undefined],
    ['a number', '7', 502, 'The endpoint sent something that is not an answer.'],
    ['null', 'null', 502, 'The endpoint sent something that is not an answer.'],
    ['deep nesting', `{"error":${'['.repeat(20_000)}${']'.repeat(20_000)}}`, 502, undefined],
  ] as const) {
    it(`reports ${name} inside a 200 in the client's dialect`, () => {
      const read = exchanged(formats, request).answered(body)
      assert.equal(read.statusCode, statusCode)
      assert.deepEqual(Object.keys(read.body.error), ['message', 'type', 'param', 'code'])
      if (message !== undefined) assert.equal(read.body.error.message, message)
      const ollama = exchanged(formats, request, { errors: ollamaErrors }).answered(body)
      assert.deepEqual(ollama.body, { error: read.body.error.message })
    })
  }

  it('fails if the endpoint compresses its answer', () => {
    const { variant } = exchanged(formats, request)
    const whole = gathered(variant, [Buffer.from('x')], ['Content-Encoding', 'gzip'])
    assert.equal(whole.statusCode, 502)
    assert.match(whole.body.toString(), /compressed/)
  })

  it('stops reading an answer that is too large', () => {
    const { variant } = exchanged(formats, request)
    const reader = variant.answer?.({ statusCode: 200, headers: [] })
    assert.ok(reader !== undefined && 'end' in reader)
    const chunk = Buffer.alloc(1_048_576, ' ')
    let pushed = 0
    while (reader.isOver !== true && pushed < 200) {
      reader.push(chunk)
      pushed++
    }
    assert.equal(pushed, 129)
    assert.match(reader.end().body.toString(), /too large/)
  })

  it('translates a batch in time that grows with its size', () => {
    const batch = (count: number) => {
      const inputs = Array.from({ length: count }, (_, index) => `text ${index}`)
      const vector = Array.from({ length: 256 }, (_, index) => Math.fround(Math.sin(index) / 11))
      const body = Buffer.from(JSON.stringify({ embeddings: inputs.map(() => vector) }))
      const { variant } = exchanged(formats, { input: inputs, encoding_format: 'base64' })
      const startedMs = performance.now()
      const whole = gathered(variant, [body])
      assert.equal(whole.statusCode, 200)
      return performance.now() - startedMs
    }
    batch(256)
    const ratios = Array.from({ length: 5 }, () => batch(1_024) / batch(256)).toSorted((a, b) => a - b)
    // Linear is 4, quadratic 16.
    assert.ok((ratios[0] ?? 0) < 10, `${ratios}`)
  })
})
