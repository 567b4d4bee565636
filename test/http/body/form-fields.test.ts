import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { encodeField, findField, findQueryField } from '../../../src/http/body/form-fields.ts'

const text = fc.string({ unit: 'grapheme', maxLength: 30 }).filter((each) => each.isWellFormed())

/** What the platform's own parser says of the first field that is not empty. */
function first(form: string, name: string): string | undefined {
  const values = new URLSearchParams(form).getAll(name).map((value) => value.trim())
  return values.find((value) => value !== '')
}

describe('findField', () => {
  it("finds what the platform's parser finds, and can replace nothing else", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.oneof(fc.constantFrom('model', 'MODEL', 'models'), text), text), {
          maxLength: 6,
        }),
        text,
        (fields, name) => {
          const form = new URLSearchParams(fields).toString()
          const found = findField(Buffer.from(form), 'model')
          assert.equal(found?.value, first(form, 'model'))
          if (found === undefined) return
          const replaced = form.slice(0, found.start) + encodeField(name) + form.slice(found.end)
          const at = [...new URLSearchParams(form)].findIndex(
            ([key, value]) => key === 'model' && value.trim() !== '',
          )
          const expected = [...new URLSearchParams(form)].map(([key, value], index) => [
            key,
            index === at ? name : value,
          ])
          assert.deepEqual([...new URLSearchParams(replaced)], expected)
        },
      ),
    )
  })

  it('reads names and values however they are escaped', () => {
    for (const form of ['model=a%2Fb', 'x=1&mod%65l=a/b', 'model=&model=a%2fb', '&&model=+a/b+&model=c']) {
      assert.equal(findField(Buffer.from(form), 'model')?.value, 'a/b', form)
    }
    for (const form of ['', 'model', 'xmodel=1', 'prompt=model=1', 'model=%20', '%', 'model']) {
      assert.equal(findField(Buffer.from(form), 'model'), undefined, form)
    }
    assert.equal(findField(Buffer.from('model=通义'), 'model')?.value, '通义')
    assert.equal(findField(Buffer.from('model=100%'), 'model')?.value, '100%')
  })

  it('takes linear time', () => {
    const fields = Buffer.from('&'.repeat(2_000_000))
    const startedMs = performance.now()
    assert.equal(findField(fields, 'model'), undefined)
    assert.equal(findField(Buffer.from('a&'.repeat(1_000_000)), 'model'), undefined)
    assert.ok(performance.now() - startedMs < 2_000)
  })
})

describe('findQueryField', () => {
  it('counts from the beginning of the query', () => {
    const query = '?a=1&model=my%2Dmodel&b=2'
    const found = findQueryField(query, 'model')
    assert.equal(found?.value, 'my-model')
    assert.equal(query.slice(found?.start, found?.end), 'my%2Dmodel')
    assert.equal(findQueryField('', 'model'), undefined)
    assert.equal(findQueryField('?', 'model'), undefined)
  })
})
