import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { UsageStrip } from '../../../src/dialects/openai/usage-strip.ts'
import * as recordings from '../usage/recordings.ts'

function strip(text: string, cuts: readonly number[] = []): string {
  const transform = new UsageStrip()
  const bytes = Buffer.from(text)
  const parts: Buffer[] = []
  let from = 0
  for (const cut of [...cuts, bytes.length].sort((a, b) => a - b)) {
    parts.push(transform.push(bytes.subarray(from, cut)))
    from = Math.min(cut, bytes.length)
  }
  parts.push(transform.end())
  return Buffer.concat(parts).toString()
}

const content = (text: string, usage = '') =>
  `data: {"id":"c","choices":[{"index":0,"delta":{"content":${JSON.stringify(text)}}}]${usage}}\n\n`
const done = 'data: [DONE]\n\n'
const usageEvent = 'data: {"id":"c","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n'

describe('UsageStrip', () => {
  it('removes an event that contains only usage', () => {
    assert.equal(strip(content('a') + usageEvent + done), content('a') + done)
  })

  it('removes it together with its other fields, with spaces and with CRLF', () => {
    const spaced = ': hm\r\ndata: {"choices": [ ], "usage": {"prompt_tokens": 1}}\r\n\r\n'
    assert.equal(
      strip(`data: {}\r\n\r\n${spaced}data: [DONE]\r\n\r\n`),
      'data: {}\r\n\r\ndata: [DONE]\r\n\r\n',
    )
  })

  it('removes it if its choices are present but empty', () => {
    const empty = '"choices":[{"index":0,"delta":{"content":""},"logprobs":null,"finish_reason":null}]'
    assert.equal(strip(`data: {${empty},"usage":{"prompt_tokens":1}}\n\n${done}`), done)
  })

  it('removes the null usage that OpenAI adds to all other events', () => {
    assert.equal(strip(content('a', ',"usage":null')), content('a'))
    assert.equal(strip(content('a', ',"usage":null,"obfuscation":"x"')), content('a', ',"obfuscation":"x"'))
    assert.equal(
      strip('data: {"usage":null,"id":"c","choices":[1]}\n\n'),
      'data: {"id":"c","choices":[1]}\n\n',
    )
    assert.equal(strip('data: {"id": "c", "usage": null, "x": 1}\n\n'), 'data: {"id": "c", "x": 1}\n\n')
  })

  it('keeps usage beside other content', () => {
    const last = 'data: {"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}\n\n'
    assert.equal(strip(last), last)
  })

  it('keeps usage that is not the event’s own', () => {
    for (const text of [
      content('say "usage":null'),
      content('usage'),
      'data: {"choices":[{"delta":{"usage":null}}]}\n\n',
      'data: {"error":{"usage":{"a":1}},"choices":[]}\n\n',
      'event: x\ndata: not JSON "usage":null\n\n',
      ': "usage":null {"usage":null}\n\n',
    ]) {
      assert.equal(strip(text), text)
    }
  })

  it('passes a complete event unchanged at once', () => {
    const transform = new UsageStrip()
    const chunk = Buffer.from(content('a'))
    assert.equal(transform.push(chunk), chunk)
    assert.equal(transform.push(Buffer.from(usageEvent)).length, 0)
    assert.equal(transform.end().length, 0)
  })

  it('examines an event whose empty line never arrives', () => {
    assert.equal(strip(content('a') + usageEvent.trimEnd()), content('a'))
    assert.equal(strip(content('a').trimEnd()), content('a').trimEnd())
  })

  it('does not hold an event that is too large', () => {
    const transform = new UsageStrip()
    const large = Buffer.from(content('x'.repeat(1_200_000)))
    let passed = 0
    for (let at = 0; at < large.length; at += 100_000) {
      passed += transform.push(large.subarray(at, at + 100_000)).length
    }
    assert.equal(passed, large.length)
    assert.equal(transform.push(Buffer.from(usageEvent)).length, 0)
  })

  for (const end of ['\n', '\r\n', '\r']) {
    it(`joins a long event once, not for each of its lines: ${JSON.stringify(end)}`, (t) => {
      let joinedBytes = 0
      const { concat } = Buffer
      t.mock.method(Buffer, 'concat', (parts: readonly Uint8Array[], bytes?: number) => {
        const joined = concat(parts, bytes)
        joinedBytes += joined.length
        return joined
      })
      const strip = new UsageStrip()
      const line = Buffer.from(`data: {"usage":1}${end}`)
      for (let at = 0; at < 2_000; at++) strip.push(line)
      strip.end()
      assert.ok(joinedBytes <= 4 * 2_000 * line.length, `${joinedBytes} bytes`)
    })
  }

  it('returns the stream as if usage had not been requested, for any chunk boundaries', () => {
    const piece = fc.record({
      text: fc.oneof(fc.string(), fc.constantFrom('"usage":null', 'usage', '"choices":[]', '\n\n', 'é漢')),
      isNull: fc.boolean(),
      isComment: fc.boolean(),
    })
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 8 }),
        fc.boolean(),
        fc.array(fc.nat(2_000), { maxLength: 20 }),
        (pieces, hasEnd, cuts) => {
          const write = (asked: boolean) =>
            pieces
              .map(
                ({ text, isNull, isComment }) =>
                  (isComment ? ': ping\n\n' : '') + content(text, asked && isNull ? ',"usage":null' : ''),
              )
              .join('') +
            (asked ? usageEvent : '') +
            (hasEnd ? done : '')
          assert.equal(strip(write(true), cuts), write(false))
        },
      ),
    )
  })

  it('returns the same for recorded streams, byte by byte', () => {
    const unasked = {
      [recordings.vllmChat]: /data: [^\n]*"choices":\[\],[^\n]*\n\n/,
      [recordings.openAiChat]: /data: [^\n]*"choices":\[\],[^\n]*\n\n|,"usage":null/g,
      [recordings.spacedChat]: /data: [^\r]*"choices": \[\],[^\r]*\r\n\r\n/,
      [recordings.textCompletion]: /data: [^\n]*"choices":\[\],[^\n]*\n\n/,
    }
    for (const [text, added] of Object.entries(unasked)) {
      const expected = text.replace(added, '')
      assert.notEqual(expected, text)
      const every = Array.from({ length: Buffer.byteLength(text) }, (_, index) => index)
      assert.equal(strip(text), expected)
      assert.equal(strip(text, every), expected)
    }
  })

  it('returns the same with any line ends, and holds back no complete event', () => {
    for (const lineEnd of ['\r', '\r\n', '\n']) {
      const text = recordings.vllmChat.replaceAll('\n', lineEnd)
      const expected = recordings.vllmChat
        .replace(/data: [^\n]*"choices":\[\],[^\n]*\n\n/, '')
        .replaceAll('\n', lineEnd)
      assert.notEqual(expected, text)
      const every = Array.from({ length: Buffer.byteLength(text) }, (_, index) => index)
      for (const cuts of [[], every, ...every.map((at) => [at])]) assert.equal(strip(text, cuts), expected)
      const event = `data: {"choices":[]}${lineEnd}${lineEnd}`
      assert.equal(new UsageStrip().push(Buffer.from(event)).toString(), event)
    }
  })
})
