import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { scanBody } from '../../../src/kernel/json/body-scan.ts'

const scan = (text: string) => scanBody(Buffer.from(text))

/** What `JSON.parse` says, in the scanner's terms. */
function parsed(text: string): { model: string | undefined; stream: boolean | undefined } {
  const value: Record<string, unknown> = JSON.parse(text)
  return {
    model: Object.hasOwn(value, 'model') && typeof value.model === 'string' ? value.model : undefined,
    stream: Object.hasOwn(value, 'stream') ? value.stream === true : undefined,
  }
}

describe('scanBody', () => {
  it('finds model and stream at the top level only', () => {
    const body = '{"messages":[{"model":"inner","stream":true}],"model":"outer","stream":false}'
    const { model, stream } = scan(body) ?? {}
    assert.deepEqual({ model, stream }, { model: 'outer', stream: false })
  })

  it('gives the span of the model value, quotes included', () => {
    const text = '{ "a" : 1, "model" : "llama3.2:3b" }'
    const span = scan(text)?.modelSpan
    assert.ok(span)
    assert.equal(text.slice(span.start, span.end), '"llama3.2:3b"')
  })

  it('takes the last of repeated keys, as JSON.parse does', () => {
    assert.equal(scan('{"model":"first","model":"second"}')?.model, 'second')
    assert.equal(scan('{"model":"first","model":7}')?.model, undefined)
  })

  it('finds what concerns something stored, unless it is null or false', () => {
    const rows: readonly [object, boolean][] = [
      [{ previous_response_id: 'resp_1' }, true],
      [{ previous_response_id: 'resp_1', conversation: null, background: false }, true],
      [{ conversation: {} }, true],
      [{ conversation: '', background: null }, true],
      [{ background: true }, true],
      [{ previous_response_id: null, conversation: null, background: false }, false],
      [{ input: [{ conversation: 'x' }] }, false],
    ]
    for (const [body, isStored] of rows)
      assert.equal(scanBody(Buffer.from(JSON.stringify(body)))?.keys.stored, isStored)
  })

  it('reads escaped keys and values', () => {
    assert.equal(scan('{"mod\\u0065l":"a\\"b\\\\"}')?.model, 'a"b\\')
  })

  it('ignores braces and quotes inside strings', () => {
    const text = JSON.stringify({ prompt: 'he said: "}{" \\" and \\\\', model: 'm' })
    assert.equal(scan(text)?.model, 'm')
  })

  it('skips long strings with escapes at their end', () => {
    for (const tail of ['\\', '"', '\\"', '\\\\"']) {
      const text = JSON.stringify({ prompt: 'x'.repeat(500) + tail, model: 'm' })
      assert.equal(scan(text)?.model, 'm', tail)
    }
  })

  it('rejects text that cannot be an object', () => {
    for (const text of [
      '',
      ' ',
      '[]',
      '"model"',
      '{',
      '{"model"',
      '{"model":',
      '{"model":"x"',
      '{"a":}',
      '{"a":1}}',
      '{"a":1,}',
    ]) {
      assert.equal(scan(text), undefined, text)
    }
  })

  it('agrees with JSON.parse on every object', () => {
    const key = fc.oneof(fc.constantFrom('model', 'stream', 'messages'), fc.string())
    const value = fc.oneof(fc.jsonValue(), fc.boolean(), fc.string())
    fc.assert(
      fc.property(fc.array(fc.tuple(key, value)), fc.constantFrom('', ' ', '\n\t'), (entries, space) => {
        const members = entries.map(
          ([name, item]) => `${JSON.stringify(name)}${space}:${space}${JSON.stringify(item)}`,
        )
        const text = `${space}{${space}${members.join(`${space},${space}`)}${space}}${space}`
        const scanned = scan(text)
        assert.ok(scanned, text)
        const { model, stream } = scanned
        assert.deepEqual({ model, stream }, parsed(text))
      }),
      { numRuns: 500 },
    )
  })

  it('never throws and never reads past the end on arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const body = Buffer.concat([Buffer.from('{"model":"m","x":'), bytes])
        const scanned = scanBody(body)
        assert.ok(
          scanned === undefined || scanned.modelSpan === undefined || scanned.modelSpan.end <= body.length,
        )
      }),
      { numRuns: 500 },
    )
  })
})
