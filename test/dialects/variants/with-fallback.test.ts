import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RequestVariant } from '../../../src/dialects/variants/request-variant.ts'
import { withFallback } from '../../../src/dialects/variants/with-fallback.ts'

const form = (path: string, beside: Partial<RequestVariant> = {}): RequestVariant => ({
  path,
  query: '',
  body: Buffer.from(path),
  ...beside,
})
const refusing = (path: string, status: number, next: string) =>
  form(path, { onRefusal: ({ statusCode }) => (statusCode === status ? form(next) : undefined) })

describe('a form with a fallback', () => {
  const own = refusing('own', 400, 'without usage')
  const fallback = { ...refusing('plain', 404, 'translated'), mode: 'passthrough' }
  const both = withFallback(own, fallback)

  it('is the form itself, in the mode of the fallback', () => {
    assert.deepEqual([both.path, String(both.body), both.mode], ['own', 'own', 'passthrough'])
  })

  for (const [statusCode, next] of [
    [404, 'translated'],
    [400, 'without usage'],
    [500, undefined],
  ] as const) {
    it(`becomes ${next ?? 'no other form'} after a ${statusCode}`, () => {
      assert.equal(both.onRefusal?.({ statusCode, headers: [] }, Buffer.alloc(0))?.path, next)
    })
  }
})
