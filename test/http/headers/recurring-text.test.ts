import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { recurringText } from '../../../src/http/headers/recurring-text.ts'

describe('a recurring part of a head', () => {
  it('is the part of the head, whatever names came before', () => {
    const name = fc.oneof(
      fc.constantFrom(
        'Content-Type',
        'content-type',
        'Content-Tape',
        'Host',
        'host',
        '/v1/models?key=a',
        '/v1/models?key=b',
      ),
      fc.string({ unit: fc.constantFrom('a', 'b', '-'), maxLength: 50 }),
    )
    fc.assert(
      fc.property(fc.array(name, { maxLength: 30 }), (names) => {
        for (const each of names) {
          const text = `HTTP/1.1 200 OK\r\n${each}: value\r\n\r\n`
          assert.equal(recurringText(text, 17, 17 + each.length), each)
        }
      }),
      { numRuns: 500 },
    )
  })
})
