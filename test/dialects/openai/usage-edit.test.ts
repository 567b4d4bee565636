import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { inspectRequest } from '../../../src/dialects/requests/inspect.ts'
import { editBody } from '../../../src/kernel/json/body-edit.ts'

/** The body sent to the endpoint; undefined if it is unchanged. */
function asked(text: string, path = '/v1/chat/completions'): string | undefined {
  const body = Buffer.from(text)
  const edit = inspectRequest(body, 'application/json', path).usageEdit
  return edit === undefined ? undefined : editBody(body, [edit]).toString()
}

describe('editForUsage', () => {
  it('adds one member and changes no other byte', () => {
    assert.equal(
      asked('{ "seed": 12345678901234567890, "stream" : true }\n'),
      '{ "seed": 12345678901234567890, "stream" : true,"stream_options":{"include_usage":true} }\n',
    )
  })

  it('extends existing options', () => {
    const cases = {
      null: '{"include_usage":true}',
      '{}': '{"include_usage":true}',
      '{ }': '{"include_usage":true }',
      '{"x": 1.0}': '{"include_usage":true,"x": 1.0}',
      '{"include_usage": false}': '{"include_usage": true}',
      '{"include_usage":null,"x":1}': '{"include_usage":true,"x":1}',
    }
    for (const [options, expected] of Object.entries(cases)) {
      assert.equal(
        asked(`{"stream_options":${options},"stream":true}`),
        `{"stream_options":${expected},"stream":true}`,
      )
    }
  })

  it('changes nothing if the client requests usage, for requests without a stream, and on other paths', () => {
    assert.equal(asked('{"stream":true,"stream_options":{"include_usage":true}}'), undefined)
    assert.equal(asked('{"stream":true,"stream_options":[1]}'), undefined)
    assert.equal(asked('{"stream":false}'), undefined)
    assert.equal(asked('{"model":"m"}'), undefined)
    for (const path of ['/v1/messages', '/v1/responses', '/api/chat', '/completion']) {
      assert.equal(asked('{"stream":true}', path), undefined, path)
    }
    assert.notEqual(asked('{"stream":true}', '/v1/completions'), undefined)
  })

  it('keeps everything else in any body', () => {
    const others = fc.dictionary(
      fc.string().filter((name) => !['stream', 'stream_options', '__proto__'].includes(name)),
      fc.jsonValue(),
    )
    const options = fc.option(
      fc.oneof(fc.constant(null), fc.record({ include_usage: fc.boolean(), x: fc.nat() })),
      {
        nil: undefined,
      },
    )
    fc.assert(
      fc.property(others, options, fc.nat(2), fc.boolean(), (rest, streamOptions, indent, isLast) => {
        const own = {
          stream: true,
          ...(streamOptions === undefined ? {} : { stream_options: streamOptions }),
        }
        const text = JSON.stringify(isLast ? { ...rest, ...own } : { ...own, ...rest }, undefined, indent)
        const result = asked(text)
        if (streamOptions?.include_usage === true) {
          assert.equal(result, undefined)
          return
        }
        assert.ok(result !== undefined)
        const { stream_options, ...others } = JSON.parse(result)
        assert.deepEqual(stream_options, { ...streamOptions, include_usage: true })
        const { stream_options: _before, ...before } = JSON.parse(text)
        assert.deepEqual(others, before)
      }),
    )
  })
})
