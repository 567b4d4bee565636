import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { textSize } from '../../../src/kernel/json/text-size.ts'

const image = 'data:image/png;base64,'

describe('textSize', () => {
  const cases: readonly [name: string, body: string, encodedBytes: number, images: number][] = [
    ['a text', '{"content":"hello"}', 0, 0],
    ['an image', `{"url":"${image}${'A'.repeat(100)}"}`, ';base64,'.length + 100, 1],
    ['two', `["${image}${'A'.repeat(10)}","${image}${'B'.repeat(20)}"]`, 2 * ';base64,'.length + 30, 2],
    ['one without an end', `{"url":"${image}AAAA`, 0, 0],
    ['nothing', '', 0, 0],
  ]
  for (const [name, body, encodedBytes, images] of cases) {
    it(`of ${name}`, () => {
      assert.deepEqual(textSize(Buffer.from(body)), { bytes: body.length - encodedBytes, images })
    })
  }
})
