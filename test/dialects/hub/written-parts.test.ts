import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { SentCalls } from '../../../src/dialects/hub/calls/sent-calls.ts'
import type { Turn } from '../../../src/dialects/hub/contract/conversation.ts'
import { customToolDescription } from '../../../src/dialects/hub/parts/custom-tool.ts'
import { orderTurns } from '../../../src/dialects/hub/parts/ordered-turns.ts'
import { markedSignature, ownSignature } from '../../../src/dialects/hub/parts/reasoning-signature.ts'
import { hasSeveralSpeakers, namedParts } from '../../../src/dialects/hub/parts/speaker-names.ts'
import { changedNames, strictName, toolNameLength } from '../../../src/dialects/hub/parts/strict-names.ts'
import { assistant, call, result, results, user } from './conversations.ts'

describe('strict names', () => {
  it('keep what the APIs accept', () => {
    for (const name of ['a', 'get_weather', 'mcp__x-y', 'x'.repeat(64), ''])
      assert.equal(strictName(name, 64), name)
  })

  it('are accepted, distinct and the same each time, whatever the name', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 100 }), fc.string({ minLength: 1 }), (one, other) => {
        const sent = strictName(one, 64)
        assert.match(sent, /^[a-zA-Z0-9_-]{1,64}$/)
        assert.equal(strictName(one, 64), sent)
        if (one !== other) assert.notEqual(strictName(other, 64), sent)
      }),
    )
  })

  it('report only the names that change', () => {
    assert.equal(changedNames(['a', 'b'], 64), undefined)
    assert.deepEqual([...(changedNames(['a', 'b.c'], 64)?.values() ?? [])], ['b.c'])
  })

  it('are never longer than the APIs accept', () => {
    assert.equal(toolNameLength(undefined), 128)
    assert.equal(toolNameLength(64), 64)
    assert.equal(toolNameLength(1_000), 128)
  })
})

describe('calls as they are sent', () => {
  const sent = (turns: readonly Turn[]) => {
    const ordered = orderTurns(turns)
    const calls = new SentCalls()
    return ordered.flatMap((_, at) =>
      calls.of(ordered, at).map((each) => {
        const [part] = each.result?.parts ?? []
        return [each.id, part?.kind === 'text' ? part.text : undefined]
      }),
    )
  }

  it('have the results of their own', () => {
    assert.deepEqual(
      sent([
        assistant(call('a'), call('b'), call('a')),
        results(result('a', '1'), result('b', '2'), result('a', '3')),
        assistant(call('a')),
        results(result('a', '4')),
      ]),
      [
        ['a', '1'],
        ['b', '2'],
        ['a--2', '3'],
        ['a--3', '4'],
      ],
    )
  })

  it('have a result each, unless they are the last turn', () => {
    const missing = 'The tool returned no result.'
    assert.deepEqual(
      sent([assistant(call('a'), call('b')), results(result('b', '2')), user('x'), assistant(call('c'))]),
      [
        ['a', missing],
        ['b', '2'],
        ['c', undefined],
      ],
    )
  })

  it('are linear in the number of repeated IDs', () => {
    const turns = Array.from({ length: 4_000 }, () => [
      assistant(call('x')),
      results(result('x', '1')),
    ]).flat()
    const ids = sent(turns).map(([id]) => id)
    assert.equal(new Set(ids).size, 4_000)
  })
})

describe('signatures', () => {
  it('return only to the endpoint that made them', () => {
    fc.assert(
      fc.property(fc.string(), fc.stringMatching(/^[0-9a-f]{0,8}$/), (signature, mark) => {
        const marked = markedSignature('messages', mark, signature)
        assert.equal(ownSignature(marked, 'messages', mark), signature === '' ? undefined : signature)
        assert.equal(ownSignature(marked, 'responses', mark), undefined)
        assert.equal(ownSignature(marked, 'messages', `${mark}0`), undefined)
      }),
    )
  })
})

describe('speakers', () => {
  const named = (name: string | undefined): Turn => ({ ...user('x'), name }) as Turn

  it('count only if their names differ', () => {
    assert.equal(hasSeveralSpeakers([named('a'), named(undefined), named('a')]), false)
    assert.equal(hasSeveralSpeakers([named('a'), named('b')]), true)
  })

  it('are named in front of what they say', () => {
    const image = { kind: 'image' as const, source: { kind: 'url' as const, url: 'u' } }
    assert.deepEqual(namedParts({ role: 'user', parts: [image], name: 'a' }), [
      { kind: 'text', text: 'a:' },
      image,
    ])
    assert.deepEqual(namedParts({ role: 'user', parts: [image] }), [image])
  })
})

describe('the description of a custom tool', () => {
  const describe = (description: string | undefined, format: object | undefined) =>
    customToolDescription({ kind: 'custom', name: 'x', description, format: format as never })

  it('has the grammar, nested as in a chat request or flat as in a response', () => {
    const rule = 'The input must match this regex grammar:\na+'
    assert.equal(describe(undefined, { type: 'grammar', syntax: 'regex', definition: 'a+' }), rule)
    assert.equal(
      describe('Does x.', { type: 'grammar', grammar: { syntax: 'regex', definition: 'a+' } }),
      `Does x.\n\n${rule}`,
    )
  })

  it('is the tool’s own without one', () => {
    assert.equal(describe('Does x.', undefined), 'Does x.')
    assert.equal(describe(undefined, { type: 'text' }), undefined)
  })
})
