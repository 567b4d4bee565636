import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { editBody, valueEdit } from '../../src/json/body-edit.ts'
import { scanBody } from '../../src/json/body-scan.ts'
import { ModelRename } from '../../src/stream/model-rename.ts'

/** Pushes a text in pieces cut at the given offsets. */
function rename(text: string, cuts: readonly number[] = [], from = 'native', to = 'alias'): string {
  const bytes = Buffer.from(text)
  const renaming = new ModelRename(from, to)
  const offsets = [0, ...[...cuts].map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  const parts = offsets.slice(1).map((end, index) => renaming.push(bytes.subarray(offsets[index], end)))
  return Buffer.concat([...parts, renaming.end()]).toString()
}

const stream =
  'data: {"id":"1","model":"native","choices":[{"delta":{"content":"the \\"model\\":\\"native\\" key"}}]}\n\n' +
  'data: {"model" : "native","choices":[]}\n\ndata: {"model":"other"}\n\ndata: [DONE]\n\n'
const expected =
  'data: {"id":"1","model":"alias","choices":[{"delta":{"content":"the \\"model\\":\\"native\\" key"}}]}\n\n' +
  'data: {"model" : "alias","choices":[]}\n\ndata: {"model":"other"}\n\ndata: [DONE]\n\n'

describe('ModelRename', () => {
  it('replaces keys, not text that quotes them, nor other models', () => {
    assert.equal(rename(stream), expected)
  })

  it('gives the same for any cutting into chunks', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(500), { maxLength: 30 }), (cuts) => {
        assert.equal(rename(stream, cuts), expected)
      }),
      { numRuns: 500 },
    )
  })

  it('changes nothing where the name is not there', () => {
    fc.assert(
      fc.property(fc.json(), fc.array(fc.nat(200), { maxLength: 8 }), (text, cuts) => {
        assert.equal(rename(text, cuts, 'no-such-model-anywhere', 'x'), text)
      }),
    )
  })

  it('holds nothing back at the end of an event', () => {
    const renaming = new ModelRename('native', 'alias')
    assert.equal(
      renaming.push(Buffer.from('data: {"model":"native"}\n\n')).toString(),
      'data: {"model":"alias"}\n\n',
    )
    assert.equal(renaming.end().length, 0)
  })
})

describe('the edit of a value', () => {
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
