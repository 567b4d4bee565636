import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  asksForTruncation,
  InputTruncation,
} from '../../../../src/dialects/openai/responses/truncation/input-truncation.ts'
import { inputUnits } from '../../../../src/dialects/openai/responses/truncation/input-units.ts'
import type { JsonObject } from '../../../../src/kernel/json/json-fields.ts'

const long = 'word '.repeat(200)
const user = (content: string) => ({ type: 'message', role: 'user', content })
const said = (content: string) => ({ type: 'message', role: 'assistant', content })
const call = (call_id: string) => ({ type: 'function_call', call_id, name: 'f', arguments: '{}' })
const output = (call_id: string) => ({ type: 'function_call_output', call_id, output: long })

const of = (input: readonly JsonObject[], more: JsonObject = {}) =>
  new InputTruncation({ model: 'm', truncation: 'auto', input, ...more })

const inputOf = (shorter: { readonly request: JsonObject } | undefined) => shorter?.request.input

describe('the units of an input', () => {
  const rows: Readonly<
    Record<string, readonly [items: readonly JsonObject[], places: readonly (readonly number[])[]]>
  > = {
    'of messages': [
      [user('a'), said('b'), user('c')],
      [[0], [1], [2]],
    ],
    'of a call and its result': [
      [user('a'), call('1'), output('1'), user('c')],
      [[0], [1, 2], [3]],
    ],
    'of parallel calls': [
      [call('1'), call('2'), output('1'), output('2'), user('c')],
      [[0, 2], [1, 3], [4]],
    ],
    'of reasoning and what it led to': [
      [user('a'), { type: 'reasoning', id: 'rs' }, call('1'), output('1'), user('c')],
      [[0], [1, 2, 3], [4]],
    ],
    'of a custom tool and one of MCP': [
      [
        { type: 'custom_tool_call', call_id: '1', name: 'f', input: '' },
        { type: 'mcp_call', id: 'mcp_1', name: 'f' },
        { type: 'custom_tool_call_output', call_id: '1', output: '' },
      ],
      [[0, 2], [1]],
    ],
    'of a local shell, whose output names the item': [
      [
        { type: 'local_shell_call', id: 'lsh', call_id: 'lsh', action: {} },
        { type: 'local_shell_call_output', id: 'lsh', output: '' },
      ],
      [[0, 1]],
    ],
  }
  for (const [name, [items, places]] of Object.entries(rows)) {
    it(name, () => {
      assert.deepEqual(
        inputUnits(items).map((unit) => unit.places),
        places,
      )
    })
  }

  it('count an image as one, whatever its size', () => {
    const image = (bytes: number) => {
      const content = [{ type: 'input_image', image_url: `data:image/png;base64,${'A'.repeat(bytes)}` }]
      return inputUnits([{ role: 'user', content }])[0]?.characters
    }
    assert.equal(image(10), image(1_000_000))
  })
})

describe('truncation of an input', () => {
  it('leaves what fits as it is', () => {
    assert.equal(of([user('a'), said('b'), user('c')]).toFit(100_000), undefined)
  })

  it('leaves out the oldest items, and keeps instructions and the last message of the user', () => {
    const system = { type: 'message', role: 'developer', content: 'Be brief.' }
    const input = [system, user(long), said(long), user(long), said(long), user('c')]
    const shorter = of(input, { instructions: 'x' }).toFit(900)
    assert.deepEqual(inputOf(shorter), [system, user(long), said(long), user('c')])
    assert.equal(shorter?.request.instructions, 'x')
    const shortest = of(input, { instructions: 'x' }).toFit(10)
    assert.deepEqual(inputOf(shortest), [system, user('c')])
  })

  it('leaves out a call with its result, in the midst of a loop of tools too', () => {
    const input = [user('do it'), call('1'), output('1'), call('2'), output('2'), call('3'), output('3')]
    assert.deepEqual(inputOf(of(input).toFit(10)), [user('do it'), call('3'), output('3')])
  })

  it('leaves room for the requested answer, up to half of the context', () => {
    const input = [user(long), said('b'), user('c')]
    assert.equal(of(input).toFit(400), undefined)
    assert.deepEqual(inputOf(of(input, { max_output_tokens: 300 }).toFit(400)), [said('b'), user('c')])
    assert.equal(of(input, { max_output_tokens: 1_000_000 }).toFit(1_000), undefined)
  })

  it('goes by the number that the endpoint has counted', () => {
    const input = [user(long), said(long), user(long), said(long), user('c')]
    const truncation = of(input)
    const limit = { kind: 'prompt', promptTokens: truncation.promptTokens * 2, limitTokens: 1_200 } as const
    // Twice the estimate: two long items and the last one fit.
    const shorter = truncation.afterRefusal(limit, truncation.promptTokens)
    assert.deepEqual(inputOf(shorter), [said(long), user('c')])
  })

  it('halves what it does not know the size of, until nothing is left to leave out', () => {
    const truncation = of([...Array.from({ length: 8 }, () => said(long)), user('c')])
    const counts: number[] = []
    for (let tokens = truncation.promptTokens; ; ) {
      const shorter = truncation.afterRefusal({ kind: 'prompt' }, tokens)
      if (shorter === undefined) break
      assert.ok(shorter.promptTokens < tokens)
      tokens = shorter.promptTokens
      counts.push((shorter.request.input as unknown[]).length)
    }
    assert.deepEqual(counts, [4, 2, 1])
  })

  it('applies to nothing but lists of items with `auto`', () => {
    for (const request of [
      { input: [] },
      { truncation: 'disabled', input: [] },
      { truncation: 'auto', input: 'a' },
      null,
    ])
      assert.equal(asksForTruncation(request), false)
    assert.equal(asksForTruncation({ truncation: 'auto', input: [] }), true)
  })

  it('never separates a call from its result, nor loses the order or the last item', () => {
    const item = fc.oneof(
      fc.constant(user('q')),
      fc.constant(said(long)),
      fc.constant({ type: 'message', role: 'system', content: 's' }),
      fc.constant({ type: 'reasoning', id: 'rs', summary: [] }),
      fc.integer({ min: 0, max: 3 }).map((id) => call(String(id))),
      fc.integer({ min: 0, max: 3 }).map((id) => output(String(id))),
    )
    fc.assert(
      fc.property(
        fc.array<JsonObject>(item, { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 4_000 }),
        (input, context) => {
          // Each of them can be told from the others.
          const items = input.map((each, place) => ({ ...each, place }))
          const left = inputOf(of(items).toFit(context)) as typeof items | undefined
          if (left === undefined) return
          const places = left.map(({ place }) => place)
          assert.deepEqual(
            places,
            places.toSorted((a, b) => a - b),
          )
          assert.equal(places.at(-1), items.length - 1)
          const ids = (list: typeof items) =>
            list.flatMap((each) => ('call_id' in each ? [String(each.call_id)] : []))
          for (const id of ids(left))
            assert.equal(
              ids(left).filter((each) => each === id).length,
              ids(items).filter((each) => each === id).length,
            )
          const systems = (list: typeof items) =>
            list.filter((each) => 'role' in each && each.role === 'system').length
          assert.equal(systems(left), systems(items.filter((_, at) => at >= 0)))
        },
      ),
    )
  })
})
