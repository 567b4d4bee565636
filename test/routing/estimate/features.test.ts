import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FeatureReader } from '../../../src/routing/estimate/features.ts'

const reader = new FeatureReader()
const read = (body: object, path = '/v1/chat/completions') =>
  reader.read(Buffer.from(JSON.stringify(body)), path, 'm')

const say = (role: string, content: unknown) => ({ role, content })

describe('FeatureReader', () => {
  it('reads the prefixes of a conversation with their sizes', () => {
    const turns = [say('system', 'x'.repeat(2_400)), say('user', 'hello')]
    const first = read({ model: 'm', messages: turns })
    const next = read({ model: 'm', messages: [...turns, say('assistant', 'hi'), say('user', 'more')] })
    assert.deepEqual([first.keys.length, first.headDepth, first.hasHead], [3, 1, true])
    assert.deepEqual(next.keys.slice(0, 3), first.keys)
    assert.deepEqual(next.sizes.slice(0, 3), first.sizes)
    assert.ok((first.sizes[1] ?? 0) > 2_400 && (first.sizes[1] ?? 0) < 2_450)
    assert.ok(Math.abs((first.sizes.at(-1) ?? 0) - first.promptBytes) <= 1)
  })

  const media: readonly (readonly [name: string, content: object])[] = [
    [
      'chat',
      say('user', [{ type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(90_000)}` } }]),
    ],
    ['messages', say('user', [{ type: 'image', source: { type: 'base64', data: 'A'.repeat(90_000) } }])],
    ['ollama', { ...say('user', 'what is it?'), images: ['A'.repeat(90_000)] }],
  ]
  for (const [name, content] of media) {
    it(`does not take an image for text: ${name}`, () => {
      const { promptBytes, media: images, sizes } = read({ messages: [content, say('user', 'why?')] })
      assert.equal(images, 1)
      assert.ok(promptBytes < 400 && (sizes.at(-1) ?? 0) < 400, `${promptBytes} ${sizes.join(' ')}`)
    })
  }

  it('takes long texts with spaces as text', () => {
    const { promptBytes, media: images } = read({ messages: [say('user', 'many words '.repeat(2_000))] })
    assert.equal(images, 0)
    assert.ok(promptBytes > 20_000)
  })

  it('matches plain prompts in blocks', () => {
    const text = 'a prompt of some words. '.repeat(200)
    const one = read({ prompt: text }, '/v1/completions')
    const other = read({ prompt: `${text}${text}` }, '/v1/completions')
    assert.ok(one.keys.length > 5)
    assert.deepEqual(other.keys.slice(0, one.keys.length), one.keys)
  })

  it('does not look for prefixes in a short request', () => {
    const { promptBytes, keys } = read({ messages: [say('user', 'hello')] })
    assert.ok(promptBytes > 10)
    assert.equal(keys.length, 0)
  })

  it('knows the size of an input that cannot be continued', () => {
    const { promptBytes, keys } = read({ input: 'x '.repeat(2_000) }, '/v1/embeddings')
    assert.ok(promptBytes > 1_000)
    assert.equal(keys.length, 0)
  })

  it('reads whatever a client sends', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.string(),
          fc.json().map((text) => `{"messages":${text},"pad":"${'x'.repeat(2_048)}"}`),
        ),
        (text) => {
          const { promptBytes, keys, sizes } = reader.read(Buffer.from(text), '/v1/chat/completions', 'm')
          assert.ok(promptBytes >= 0 && promptBytes <= Buffer.byteLength(text))
          assert.equal(keys.length, sizes.length)
          assert.deepEqual(
            sizes,
            sizes.toSorted((a, b) => a - b),
          )
        },
      ),
    )
    assert.equal(reader.read(undefined, '/', undefined).promptBytes, 0)
  })
})
