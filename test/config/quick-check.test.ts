import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { Ajv } from 'ajv'
import fc from 'fast-check'
import { parse } from 'yaml'
import { isCertainlyValid } from '../../src/config/file/quick-check.ts'
import { inputSchema, isNode, type SchemaNode } from '../../src/config/schema/input-schema.ts'
import { stockConfigFile } from '../../src/kernel/package.ts'

const ajv = new Ajv({ strict: false, allowUnionTypes: true, validateSchema: false })

/** All parts of the configuration's schema. */
function partsOf(schema: unknown): SchemaNode[] {
  if (Array.isArray(schema)) return schema.flatMap(partsOf)
  if (!isNode(schema)) return []
  const members = [schema.properties, schema.patternProperties].flatMap((each) =>
    isNode(each) ? Object.values(each) : [],
  )
  return [schema, ...[...members, schema.items, schema.anyOf].flatMap(partsOf)]
}

const parts = partsOf(inputSchema()).map((schema) => ({ schema, validate: ajv.compile(schema) }))
const keys = [...new Set(parts.flatMap(({ schema }) => Object.keys(schema.properties ?? {})))]
const leaf = fc.oneof(
  fc.constantFrom(
    '',
    'auto',
    '30s',
    '1.5h',
    '100MB',
    'olla',
    'é',
    '\u{1f600}',
    0,
    1,
    -1,
    0.5,
    8080,
    1e9,
    NaN,
    Infinity,
  ),
  fc.constantFrom(true, false, null, undefined),
  fc.string(),
  fc.integer(),
  fc.double(),
)
const { value: anyValue } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.oneof(fc.constantFrom(...keys, '__proto__'), fc.string()), tie('value'), { maxKeys: 3 }),
  ),
}))

describe('isCertainlyValid', () => {
  it('accepts the stock configuration', () => {
    assert.ok(isCertainlyValid(inputSchema(), parse(readFileSync(stockConfigFile, 'utf8'))))
  })

  it('accepts nothing that Ajv refuses', () => {
    let accepted = 0
    fc.assert(
      fc.property(fc.constantFrom(...parts), anyValue, ({ schema, validate }, value) => {
        if (!isCertainlyValid(schema, value)) return
        accepted++
        assert.ok(validate(value), JSON.stringify({ schema, value, errors: validate.errors }))
      }),
      { numRuns: 20_000 },
    )
    assert.ok(accepted > 1_000)
  })

  it('leaves schemas with other keywords to Ajv', () => {
    assert.equal(isCertainlyValid({ type: 'number', multipleOf: 2 }, 2), false)
    assert.equal(isCertainlyValid({ type: ['number', 'null'] }, 2), false)
    assert.equal(isCertainlyValid({ additionalProperties: { type: 'string' } }, { a: 'b' }), false)
  })
})
