import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type InnerObject, ModelRename } from '../../../src/dialects/answers/model-rename.ts'
import type { AnswerFraming } from '../../../src/http/headers/media-type.ts'
import { editBody, valueEdit } from '../../../src/kernel/json/body-edit.ts'
import { scanBody } from '../../../src/kernel/json/body-scan.ts'

/** Pushes a text in chunks cut at the given offsets. */
function rename(
  text: string,
  cuts: readonly number[] = [],
  framing: AnswerFraming = 'json',
  inner?: InnerObject,
): string {
  const bytes = Buffer.from(text)
  const renaming = new ModelRename('alias', framing, inner)
  const offsets = [0, ...[...cuts].map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  const parts = offsets.slice(1).map((end, index) => renaming.push(bytes.subarray(offsets[index], end)))
  return Buffer.concat([...parts, renaming.end()]).toString()
}

const event = (value: string) => `data: ${value}\n\n`
const args =
  '"args":{"model":"native"},"text":"say \\"model\\":\\"native\\"","list":["model","native",{"model":"native"}]'

/** `native` is the endpoint's name, wherever it must stay. */
const cases: readonly [string, AnswerFraming, InnerObject, string, string][] = [
  [
    'the model at the top',
    'json',
    undefined,
    `{"id":"1","model":"x",${args}}`,
    `{"id":"1","model":"alias",${args}}`,
  ],
  ['the model at the end', 'json', undefined, `{${args}, "model" : "x" }`, `{${args}, "model" : "alias" }`],
  ['a name in escapes', 'json', undefined, '{"model":"org\\/m\\u00fc\\"x"}', '{"model":"alias"}'],
  ['a key in escapes', 'json', undefined, '{"mod\\u0065l":"x"}', '{"mod\\u0065l":"alias"}'],
  ['a path', 'json', undefined, '{"model":"C:\\\\models\\\\x.gguf"}', '{"model":"alias"}'],
  ['an empty name', 'json', undefined, '{"model":""}', '{"model":"alias"}'],
  [
    'no name',
    'json',
    undefined,
    '{"model":null,"a":"model","b":["model"],"c":"native"}',
    '{"model":null,"a":"model","b":["model"],"c":"native"}',
  ],
  [
    'an object of that name',
    'json',
    undefined,
    '{"model":{"model":"native"},"x":"y"}',
    '{"model":{"model":"native"},"x":"y"}',
  ],
  [
    'a list of models',
    'json',
    undefined,
    '{"data":[{"model":"native"}],"models":["native"]}',
    '{"data":[{"model":"native"}],"models":["native"]}',
  ],
  ['a list', 'json', undefined, '[{"model":"native"}]', '[{"model":"native"}]'],
  [
    'an inner object of another API',
    'json',
    undefined,
    '{"message":{"model":"native"},"model":"x"}',
    '{"message":{"model":"native"},"model":"alias"}',
  ],
  [
    'Anthropic’s message',
    'sse',
    'message',
    event('{"type":"message_start","message":{"model":"x","usage":{"model":"native"}}}') + event(`{${args}}`),
    event('{"type":"message_start","message":{"model":"alias","usage":{"model":"native"}}}') +
      event(`{${args}}`),
  ],
  [
    'a message that is text',
    'sse',
    'message',
    event('{"message":"model","model":"x"}'),
    event('{"message":"model","model":"alias"}'),
  ],
  [
    'a response',
    'sse',
    'response',
    event('{"response":{"id":"r","tools":[{"model":"native"}],"model":"x"},"a":{"model":"native"}}'),
    event('{"response":{"id":"r","tools":[{"model":"native"}],"model":"alias"},"a":{"model":"native"}}'),
  ],
  [
    'each event',
    'sse',
    undefined,
    `: {"model":"native"\n${event('{"model":"x"}')}event: {"model":"native"}\n${event('{"model":"y"}')}data: [DONE]\n\n`,
    `: {"model":"native"\n${event('{"model":"alias"}')}event: {"model":"native"}\n${event('{"model":"alias"}')}data: [DONE]\n\n`,
  ],
  [
    'events with CR',
    'sse',
    undefined,
    'data: {"model":"x"}\r\rdata:{"model":"y"}\r\r',
    'data: {"model":"alias"}\r\rdata:{"model":"alias"}\r\r',
  ],
  [
    'events with CRLF',
    'sse',
    undefined,
    'data: {"model":"x"}\r\n\r\ndata: {"model":"y"}\r\n\r\n',
    'data: {"model":"alias"}\r\n\r\ndata: {"model":"alias"}\r\n\r\n',
  ],
  [
    'a text over several lines',
    'sse',
    undefined,
    'data: {"a":1,\ndata: "model":\ndata: "x"}\n\ndata: {"model":"y"}\n\n',
    'data: {"a":1,\ndata: "model":\ndata: "alias"}\n\ndata: {"model":"alias"}\n\n',
  ],
  [
    'what follows a broken event',
    'sse',
    undefined,
    `data: {"model":"x\n\n${event('{"a":{')}${event('{"model":"y"}')}`,
    `data: {"model":"alias"\n\n${event('{"a":{')}${event('{"model":"alias"}')}`,
  ],
  [
    'a stream after a byte order mark',
    'sse',
    undefined,
    `\ufeff${event('{"model":"x"}')}`,
    `\ufeff${event('{"model":"alias"}')}`,
  ],
  [
    'each line',
    'ndjson',
    undefined,
    `{"model":"x",${args}}\n{"model":"y"}\r\n{"mod\n{"model":"z"}`,
    `{"model":"alias",${args}}\n{"model":"alias"}\r\n{"mod\n{"model":"alias"}`,
  ],
  [
    'lines typed as one text',
    'json',
    undefined,
    '{"model":"x"}\n{"model":"y"}\n',
    '{"model":"alias"}\n{"model":"alias"}\n',
  ],
  ['JSON typed as text', 'text', undefined, ' {"model":"x"}', ' {"model":"alias"}'],
  ['events without a type', 'none', undefined, event('{"model":"x"}'), event('{"model":"alias"}')],
  ['text', 'text', undefined, 'the "model":"native"', 'the "model":"native"'],
]

describe('ModelRename', () => {
  for (const [name, framing, inner, text, expected] of cases) {
    it(`renames or keeps ${name}, for any chunk boundaries`, () => {
      assert.equal(rename(text, [], framing, inner), expected)
      const everywhere = Array.from({ length: Buffer.byteLength(text) }, (_, at) => at)
      assert.equal(rename(text, everywhere, framing, inner), expected)
      for (const at of everywhere) assert.equal(rename(text, [at], framing, inner), expected)
    })
  }

  it('changes only the top level of any JSON, for any chunk boundaries', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.jsonValue(),
        fc.array(fc.nat(500), { maxLength: 12 }),
        fc.constantFrom<AnswerFraming>('json', 'sse', 'ndjson'),
        (members, value, cuts, framing) => {
          const renamed = typeof value === 'string' ? 'alias' : value
          const write = (model: unknown) => {
            const text = JSON.stringify({ ...members, model, z: members })
            return framing === 'sse' ? event(text) : `${text}\n`
          }
          assert.equal(rename(write(value), cuts, framing), write(renamed))
        },
      ),
      { numRuns: 500 },
    )
  })

  it('holds nothing back', () => {
    fc.assert(
      fc.property(fc.constantFrom(...cases), fc.nat(100), ([, framing, inner, text], at) => {
        const renaming = new ModelRename('alias', framing, inner)
        const bytes = Buffer.from(text)
        const passed = renaming.push(bytes.subarray(0, at)).toString('latin1')
        const rest = renaming.push(bytes.subarray(at)).toString('latin1')
        assert.equal(Buffer.from(passed + rest, 'latin1').toString(), rename(text, [], framing, inner))
        assert.equal(renaming.end().length, 0)
      }),
    )
  })
})

describe('editBody with a value edit', () => {
  it('changes one value and no other byte', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (model, other) => {
        const text = `{ "n": 12345678901234567890, "model" : ${JSON.stringify(model)} ,"z":[1.50,${JSON.stringify(other)}]}`
        const body = Buffer.from(text)
        const span = scanBody(body)?.modelSpan
        assert.ok(span)
        const replaced = editBody(body, [valueEdit(span, 'new "name"')]).toString()
        assert.equal(
          replaced,
          text.replace(`"model" : ${JSON.stringify(model)}`, () => '"model" : "new \\"name\\""'),
        )
      }),
    )
  })
})
