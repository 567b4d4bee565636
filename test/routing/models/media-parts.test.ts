import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readMediaParts } from '../../../src/routing/models/media-parts.ts'

const url = 'data:image/png;base64,iVBORw0KGgo='
const source = { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' }
const user = (content: unknown, more: object = {}) => ({ messages: [{ role: 'user', content, ...more }] })

describe('readMediaParts', () => {
  const images: [string, object][] = [
    [
      'a chat',
      user([
        { type: 'text', text: 'x' },
        { type: 'image_url', image_url: { url } },
      ]),
    ],
    ['Responses', { input: [{ role: 'user', content: [{ type: 'input_image', image_url: url }] }] }],
    [
      'Responses, the output of a call',
      { input: [{ type: 'function_call_output', output: [{ type: 'input_image' }] }] },
    ],
    ['Messages', user([{ type: 'image', source }])],
    ['Messages, the result of a tool', user([{ type: 'tool_result', content: [{ type: 'image', source }] }])],
    ['Ollama’s chat', user('x', { images: ['iVBORw0KGgo='] })],
    ['Ollama’s generate', { prompt: 'x', images: ['iVBORw0KGgo='] }],
  ]
  for (const [what, body] of images) {
    it(`finds an image in ${what}`, () =>
      assert.deepEqual(readMediaParts(Buffer.from(JSON.stringify(body))), { image: true, audio: false }))
  }

  it('finds audio', () => {
    const body = user([{ type: 'input_audio', input_audio: { data: '', format: 'wav' } }])
    assert.deepEqual(readMediaParts(Buffer.from(JSON.stringify(body))), { image: false, audio: true })
  })

  const nothing: [string, unknown][] = [
    ['text that quotes a part', user(JSON.stringify({ type: 'image_url', image_url: { url } }))],
    [
      'the schema of a tool',
      {
        ...user('x'),
        tools: [
          { type: 'function', function: { parameters: { properties: { image_url: { type: 'image' } } } } },
        ],
      },
    ],
    ['an empty list of images', { prompt: 'x', images: [] }],
    ['images that are none', user('x', { images: [null, ''] })],
    ['a list', [{ type: 'image' }]],
    ['content of no known shape', { messages: [null, 'x', { content: { type: 'image' } }], input: 'image' }],
  ]
  for (const [what, body] of nothing) {
    it(`finds nothing in ${what}`, () =>
      assert.deepEqual(readMediaParts(Buffer.from(JSON.stringify(body))), { image: false, audio: false }))
  }

  it('finds nothing in text other than JSON', () => {
    assert.deepEqual(readMediaParts(Buffer.from('{"images":[1')), { image: false, audio: false })
  })
})
