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

  const shared = 'You are a helpful assistant of many words. '.repeat(500)
  const tails = ['Today is Monday.', `Today is Tuesday. ${'More. '.repeat(400)}`]
  const forms: readonly (readonly [name: string, path: string, body: (tail: string) => object])[] = [
    [
      'the system prompt of a chat',
      '/v1/chat/completions',
      (tail) => ({ messages: [say('system', shared + tail), say('user', 'hello')] }),
    ],
    [
      'the first message of a chat',
      '/v1/chat/completions',
      (tail) => ({ messages: [say('system', 'short'), say('user', shared + tail)] }),
    ],
    [
      'a part of the first message',
      '/v1/chat/completions',
      (tail) => ({
        messages: [
          say('user', [
            { type: 'text', text: shared },
            { type: 'text', text: tail.repeat(90) },
          ]),
        ],
      }),
    ],
    [
      'the system prompt of a message',
      '/v1/messages',
      (tail) => ({ system: [{ type: 'text', text: shared + tail }], messages: [say('user', 'hello')] }),
    ],
    [
      'instructions',
      '/v1/responses',
      (tail) => ({ instructions: shared + tail, input: [say('user', 'hello')] }),
    ],
    ['an input', '/v1/responses', (tail) => ({ input: shared + tail })],
    ['a plain prompt', '/v1/completions', (tail) => ({ prompt: shared + tail })],
  ]
  for (const [name, path, body] of forms) {
    it(`finds a common beginning within ${name}`, () => {
      const [one, other] = tails.map((tail) => read(body(tail), path))
      const own = one?.blocks ?? assert.fail()
      const others = other?.blocks ?? assert.fail()
      let common = 0
      while (common < own.keys.length && own.keys[common] === others.keys[common]) common++
      const size = own.sizes[common - 1] ?? 0
      assert.equal(size, others.sizes[common - 1])
      assert.ok(size > 0.75 * shared.length && size <= shared.length + 100, `${size} of ${shared.length}`)
    })
  }

  it('has few blocks of a very long text, none within media, and none of later messages', () => {
    const long = 'many words '.repeat(500_000)
    assert.ok((read({ messages: [say('system', long)] }).blocks?.keys.length ?? 0) <= 32)
    assert.ok((read({ prompt: long }, '/v1/completions').blocks?.keys.length ?? 0) <= 64)
    const image = { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(90_000)}` } }
    assert.deepEqual(read({ messages: [say('user', [image])] }).blocks?.keys, [])
    const short = [say('system', 'x'.repeat(200)), say('user', 'hi'), say('assistant', 'y '.repeat(9_000))]
    assert.equal(read({ messages: short }).blocks, undefined)
  })

  it('distinguishes what precedes a common text', () => {
    const keys = (...parts: string[]) =>
      read({
        messages: [
          say(
            'user',
            parts.map((text) => ({ type: 'text', text })),
          ),
        ],
      }).blocks?.keys ?? []
    const known = new Set(keys('short', shared))
    assert.ok(known.size > 5)
    assert.ok(keys('other', shared).every((key) => !known.has(key)))
    assert.ok(keys(shared).every((key) => !known.has(key)))
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
          const { promptBytes, keys, sizes, blocks } = reader.read(
            Buffer.from(text),
            '/v1/chat/completions',
            'm',
          )
          assert.ok(promptBytes >= 0 && promptBytes <= Buffer.byteLength(text))
          assert.equal(keys.length, sizes.length)
          assert.ok((blocks?.sizes ?? []).every((size) => size > 0 && size <= Buffer.byteLength(text)))
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
