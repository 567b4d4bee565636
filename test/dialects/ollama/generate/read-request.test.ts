import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readOllamaGenerateRequest } from '../../../../src/dialects/ollama/generate/read-request.ts'
import { refusal } from '../support.ts'

const read = (request: object) => readOllamaGenerateRequest({ model: 'm', prompt: 'hi', ...request })
const usesOf = (request: object) => [...read(request).uses].sort()
const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex').toString('base64')

describe('a request to /api/generate', () => {
  it('is a conversation of one turn', () => {
    const { turns, tools, isStream, settings } = read({ system: 'be kind', images: [png] })
    assert.deepEqual(turns, [
      { role: 'system', text: 'be kind', isDeveloper: false },
      {
        role: 'user',
        parts: [
          { kind: 'image', source: { kind: 'data', data: png, mediaType: 'image/png' } },
          { kind: 'text', text: 'hi' },
        ],
      },
    ])
    assert.deepEqual(tools, [])
    assert.equal(isStream, true)
    assert.equal(settings.suffix, undefined)
  })

  for (const [request, uses] of [
    [{}, []],
    // Go's clients send every field.
    [{ system: '', suffix: '', template: '', context: [], images: null, raw: false, options: null }, []],
    [{ system: 'x' }, ['system']],
    [{ images: [png] }, ['image_data']],
    [{ suffix: 'end' }, ['suffix']],
    [{ raw: true }, ['raw_prompt']],
    [{ raw: true, suffix: 'end' }, ['raw_prompt', 'suffix']],
    [{ template: '{{ .Prompt }}' }, ['prompt_template']],
    [{ context: [1, 2, 3] }, ['context_tokens']],
    [{ width: 512 }, ['engine_options']],
    [
      { options: { num_ctx: 4096 }, format: 'json', keep_alive: 0 },
      ['context_length', 'json_mode', 'keep_alive'],
    ],
  ] as const) {
    it(`with ${JSON.stringify(request)} uses ${uses.length === 0 ? 'nothing' : uses.join(', ')}`, () => {
      assert.deepEqual(usesOf(request), uses)
    })
  }

  it('keeps the suffix', () => {
    assert.equal(read({ suffix: 'end' }).settings.suffix, 'end')
  })

  for (const [request, message] of [
    [{ prompt: '' }, /^prompt: is required/],
    [{ prompt: 7 }, /^prompt: must be a string/],
    [{ system: 7 }, /^system: must be a string/],
    [{ suffix: [] }, /^suffix: must be a string/],
    [{ template: {} }, /^template: must be a string/],
    [{ context: 'x' }, /^context: must be a list/],
    [{ images: [png, 7] }, /^images\.1: must be base64 text/],
    [{ raw: 'yes' }, /^raw: must be true or false/],
    [{ raw: true, system: 'x' }, /^raw: raw mode does not support template, system, or context/],
    [{ raw: true, template: 'x' }, /^raw: /],
    [{ raw: true, context: [1] }, /^raw: /],
  ] as const) {
    it(`with ${JSON.stringify(request).slice(0, 60)} is refused`, () => {
      assert.match(
        refusal(() => read(request)),
        message,
      )
    })
  }
})
