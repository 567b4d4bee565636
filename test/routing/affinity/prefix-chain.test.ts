import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { memberSpans } from '../../../src/kernel/json/body-members.ts'
import { KeyNames } from '../../../src/kernel/json/key-names.ts'
import { ContentHash } from '../../../src/routing/affinity/content-hash.ts'
import { type PrefixChain, prefixChain } from '../../../src/routing/affinity/prefix-chain.ts'

const names = ['tools', 'system', 'instructions', 'messages', 'prompt'] as const
const places = new KeyNames(names.map((name, place) => [name as string, place]))
const hash = new ContentHash()

function chainOf(text: string, blockBytes = 16): PrefixChain | undefined {
  const body = Buffer.from(text)
  const [tools, system, instructions, messages, prompt] = memberSpans(body, places) ?? []
  const spans = { tools, system, instructions, messages, prompt }
  return prefixChain(body, spans, hash.restart().text('model'), blockBytes)
}

const chain = (value: Record<string, unknown>): PrefixChain => {
  const found = chainOf(JSON.stringify(value))
  assert.ok(found !== undefined)
  return found
}

const message = fc.record(
  {
    role: fc.constantFrom('user', 'assistant', 'tool'),
    content: fc.oneof(fc.string(), fc.array(fc.record({ type: fc.constant('text'), text: fc.string() }))),
    tool_call_id: fc.string(),
  },
  { requiredKeys: ['role', 'content'] },
)
const system = fc.record({ role: fc.constantFrom('system', 'developer'), content: fc.string() })

describe('prefixChain', () => {
  it('gives a longer conversation the keys of its earlier turns', () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1 }), fc.array(message), (messages, more) => {
        const before = chain({ messages }).keys
        const after = chain({ messages: [...messages, ...more] }).keys
        assert.equal(after.length, messages.length + more.length + 1)
        assert.deepEqual(after.slice(0, before.length), before)
      }),
    )
  })

  it('does not depend on the order of keys in the body (contract 16.2, item 13)', () => {
    const parts = fc.record({
      model: fc.constant('m'),
      tools: fc.array(fc.jsonValue()),
      system: fc.string(),
      messages: fc.array(message, { minLength: 1 }),
      temperature: fc.double({ noNaN: true }),
    })
    fc.assert(
      fc.property(parts, fc.array(fc.nat(4), { maxLength: 5 }), (value, picks) => {
        const entries = Object.entries(value)
        for (const pick of picks) entries.push(...entries.splice(pick, 1))
        assert.deepEqual(chain(Object.fromEntries(entries)), chain(value))
      }),
    )
  })

  it('distinguishes conversations from the first different message on', () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1 }), fc.nat(), (messages, at) => {
        const changed = at % messages.length
        const others = messages.map((each, index) =>
          index === changed ? { ...each, role: `${each.role}!` } : each,
        )
        const [one, other] = [chain({ messages }).keys, chain({ messages: others }).keys]
        for (const [depth, key] of one.entries()) assert.equal(key === other[depth], depth <= changed)
      }),
    )
  })

  it('includes system messages at the beginning only', () => {
    fc.assert(
      fc.property(
        fc.array(system, { maxLength: 3 }),
        fc.array(message, { minLength: 1 }),
        (head, messages) => {
          const { headDepth, hasHead } = chain({ messages: [...head, ...messages, ...head] })
          assert.equal(headDepth, head.length)
          assert.equal(hasHead, head.length > 0)
        },
      ),
    )
  })

  it('includes tools, system and instructions in the head, each separately', () => {
    const messages = [{ role: 'user', content: 'hello' }]
    const heads = [
      {},
      { system: 'a' },
      { system: 'b' },
      { instructions: 'a' },
      { tools: ['a'] },
      { tools: ['a'], system: 'a' },
    ].map((head) => chain({ ...head, messages }))
    assert.equal(new Set(heads.map(({ keys }) => keys[0])).size, heads.length)
    assert.deepEqual(
      heads.map(({ hasHead }) => hasHead),
      [false, true, true, true, true, true],
    )
  })

  it('splits a text without turns into whole blocks', () => {
    const text = 'abcdefghijklmnopqrstuvwxyz0123456789'
    const whole = chain({ prompt: text }).keys
    assert.equal(whole.length, 1 + Math.floor(text.length / 16))
    assert.deepEqual(chain({ prompt: `${text} and more, much more` }).keys.slice(0, whole.length), whole)
    assert.notEqual(chain({ prompt: `-${text}` }).keys[1], whole[1])
    assert.deepEqual(chain({ prompt: text.slice(0, 33) }).keys, whole)
  })

  it('supports lists of tokens', () => {
    const tokens = Array.from({ length: 40 }, (_, at) => 100 + at)
    const before = chain({ prompt: tokens }).keys
    assert.deepEqual(chain({ prompt: [...tokens, 7, 8, 9, 10, 11, 12] }).keys.slice(0, before.length), before)
  })

  it('is bounded, however many messages a body contains', () => {
    const messages = Array.from({ length: 20_000 }, () => ({}))
    assert.equal(chain({ messages }).keys.length, 8_193)
    assert.equal(chain({ prompt: 'x'.repeat(200_000) }).keys.length, 8_193)
  })

  it('is empty without a prompt that can be continued', () => {
    for (const text of [
      '{}',
      '{"messages":[]}',
      '{"messages":null}',
      '{"messages":{}}',
      '{"prompt":"short"}',
      '{"prompt":""}',
      '{"input":"x"}',
    ]) {
      assert.equal(chainOf(text), undefined, text)
    }
  })
})
