import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { LineEnds } from '../../../src/kernel/stream/line-ends.ts'

describe('LineEnds', () => {
  it('turns every line end into LF, for any chunking', () => {
    const text = fc.array(fc.constantFrom('a', '\r', '\n', '\r\n')).map((parts) => parts.join(''))
    fc.assert(
      fc.property(text, fc.array(fc.nat(30)), (whole, cuts) => {
        const lineEnds = new LineEnds()
        const offsets = [
          0,
          ...cuts.map((cut) => cut % (whole.length + 1)).sort((a, b) => a - b),
          whole.length,
        ]
        const made = offsets
          .slice(1)
          .map((end, at) => lineEnds.push(Buffer.from(whole.slice(offsets[at], end))).toString())
        assert.equal(made.join(''), whole.replaceAll(/\r\n?/g, '\n'))
      }),
    )
  })
})
