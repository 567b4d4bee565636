import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { inspectRequest } from '../../../src/dialects/requests/inspect.ts'
import { namesModel, renamedBody, renamedQuery } from '../../../src/proxy/request/renamed-request.ts'

const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  .filter((text) => text.trim() === text && text !== '' && text.isWellFormed())

/** The request as an endpoint gets it that calls the model `other`. */
function renamed(body: string | null, type: string | undefined, path: string, query: string, other: string) {
  const bytes = body === null ? null : Buffer.from(body)
  const { modelSpan, modelPlace } = inspectRequest(bytes, type, path, query)
  const request = { body: bytes, query, modelSpan, modelPlace }
  assert.ok(namesModel(request))
  const sent = renamedBody(request, other)
  assert.ok(sent === null || Buffer.isBuffer(sent))
  return { body: sent?.toString() ?? null, query: renamedQuery(request, other) }
}

describe('a renamed request', () => {
  it('has the new name in place of the old one in JSON, and no other byte changed', () => {
    fc.assert(
      fc.property(name, name, fc.json(), fc.constantFrom('model', 'name'), (model, other, rest, key) => {
        const from = `{ "x": ${rest},"${key}" : ${JSON.stringify(model)}\n, "y":1.0}`
        const to = `{ "x": ${rest},"${key}" : ${JSON.stringify(other)}\n, "y":1.0}`
        assert.deepEqual(renamed(from, 'text/plain', '/api/show', '?model=z', other), {
          body: to,
          query: '?model=z',
        })
      }),
    )
  })

  it('has the new name in a form and in a query', () => {
    fc.assert(
      fc.property(name, name, (model, other) => {
        const field = (text: string) => `a=%20+&model=${encodeURIComponent(text)}&b=%zz&model=c`
        const form = 'application/x-www-form-urlencoded'
        assert.deepEqual(renamed(field(model), form, '/x', '?model=z', other), {
          body: field(other),
          query: '?model=z',
        })
        assert.deepEqual(renamed(null, undefined, '/x', `?${field(model)}`, other), {
          body: null,
          query: `?${field(other)}`,
        })
      }),
    )
  })
})
