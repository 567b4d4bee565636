import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ContentHash } from '../../../src/routing/affinity/content-hash.ts'

const hash = new ContentHash()

function keyOf(text: string): number {
  const body = Buffer.from(text)
  assert.equal(hash.restart().json(body, 0), body.length, text)
  return hash.key()
}

/** The same value with the members of every object in another order, spaced otherwise. */
function rewritten(value: unknown, space: string): string {
  if (Array.isArray(value)) {
    return `[${space}${value.map((each) => rewritten(each, space)).join(`${space},${space}`)}${space}]`
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value)
    .map(([name, each]) => `${JSON.stringify(name)}${space}:${space}${rewritten(each, space)}`)
    .reverse()
  return `{${space}${members.join(`${space},${space}`)}${space}}`
}

describe('ContentHash', () => {
  it('hashes equal values equally, for any spacing and key order', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom('', ' ', '\n\t'), (value, space) => {
        assert.equal(keyOf(rewritten(value, space)), keyOf(JSON.stringify(value)))
      }),
      { numRuns: 500 },
    )
  })

  it('hashes different values differently', () => {
    const seen = new Map<number, string>()
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), (value) => {
        // `content` and `cache_control` are read in their own way.
        const text = JSON.stringify(value)
        if (/"content"|"cache_control"/.test(text)) return
        const canonical = rewritten(sorted(value), '')
        const known = seen.get(keyOf(text))
        assert.ok(known === undefined || known === canonical, `${known} and ${canonical}`)
        seen.set(keyOf(text), canonical)
      }),
      { numRuns: 2_000 },
    )
  })

  it('depends on every byte of a text, short or long', () => {
    for (const length of [0, 1, 3, 159, 160, 161, 1_000]) {
      const text = 'x'.repeat(length)
      const keys = new Set([keyOf(JSON.stringify(text)), keyOf(JSON.stringify(`${text}x`))])
      for (let at = 0; at < length; at++) {
        keys.add(keyOf(JSON.stringify(`${text.slice(0, at)}y${text.slice(at + 1)}`)))
      }
      assert.equal(keys.size, length + 2, `${length}`)
    }
  })

  it('distinguishes strings, numbers, lists and objects', () => {
    const texts = [
      '1',
      '"1"',
      '[1]',
      '["1"]',
      '{"1":1}',
      '[]',
      '{}',
      '""',
      'null',
      '"null"',
      '[[]]',
      '[{}]',
      '[1,[2]]',
      '[[1],2]',
      '[1,2]',
      '[2,1]',
    ]
    assert.equal(new Set(texts.map(keyOf)).size, texts.length)
  })

  it('ignores cache_control, wherever an agent puts it', () => {
    const plain = '{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}'
    const marked =
      '{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b","cache_control":{"type":"ephemeral"}}]}'
    const first =
      '{"cache_control":{"type":"ephemeral"},"role":"user","content":[{"cache_control":null,"type":"text","text":"a"},{"type":"text","text":"b"}]}'
    assert.equal(keyOf(marked), keyOf(plain))
    assert.equal(keyOf(first), keyOf(plain))
  })

  it('ignores the billing line of Claude Code, which differs in every request', () => {
    const line = (hash: string) =>
      `x-anthropic-billing-header: cc_version=2.1.100.7b4; cc_entrypoint=cli; cch=${hash};`
    const system = (text: string) => keyOf(JSON.stringify([{ type: 'text', text }]))
    for (const behind of ['', '\nYou are an agent; be brief.', 'You are an agent; be brief.']) {
      assert.equal(system(line('eb6c6') + behind), system(line('1c8b4') + behind))
    }
    assert.notEqual(system(`${line('a')}You are an agent.`), system(`${line('a')}You are a poet.`))
    assert.notEqual(system('x-anthropic: cch=1;'), system('x-anthropic: cch=2;'))
    assert.notEqual(system(`see ${line('a')}`), system(`see ${line('b')}`))
  })

  it('treats content of one text block as the text', () => {
    assert.equal(
      keyOf('{"role":"user","content":[{"type":"text","text":"hello \\"you\\""}]}'),
      keyOf('{"role":"user","content":"hello \\"you\\""}'),
    )
    assert.notEqual(
      keyOf('{"role":"user","content":[{"type":"input_text","text":"hello"}]}'),
      keyOf('{"role":"user","content":"hello"}'),
    )
    assert.notEqual(keyOf('{"role":"user","content":["hello"]}'), keyOf('{"role":"user","content":"hello"}'))
  })

  it('does not overflow the stack, and still distinguishes deep values', () => {
    const deep = (inner: string) => `${'['.repeat(50_000)}${inner}${']'.repeat(50_000)}`
    assert.equal(keyOf(deep('1')), keyOf(deep('1')))
    assert.notEqual(keyOf(deep('1')), keyOf(deep('2')))
  })

  it('terminates on any bytes, and stays within them', () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '\\', '1', ' ', 'é'),
          maxLength: 60,
        }),
        (text) => {
          const body = Buffer.from(text)
          const end = hash.restart().json(body, 0)
          assert.ok(end >= -1 && end <= body.length, text)
        },
      ),
      { numRuns: 2_000 },
    )
  })

  it('returns safe integers of at most 53 bits', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const key = hash.restart().text(text).key()
        assert.ok(Number.isSafeInteger(key) && key >= 0)
      }),
    )
  })
})

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .map(([name, each]): [string, unknown] => [name, sorted(each)])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
}
