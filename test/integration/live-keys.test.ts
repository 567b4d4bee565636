/** Each key that a reload applies has a case that shows its effect; the long tests run them. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { KindGuard, type TSchema } from '@sinclair/typebox'
import { liveKeys } from '../../src/config/changes/live-keys.ts'
import { EndpointSchema } from '../../src/config/schema/discovery-schema.ts'
import { GatewayConfigSchema } from '../../src/config/schema/schema.ts'
import { liveCases } from './live-keys/all-cases.ts'

const list = 'discovery.static.endpoints'

describe('the keys that a reload applies', () => {
  it('have a case each', () => {
    const wanted = liveKeys.flatMap(({ key }) =>
      key === list ? leaves(EndpointSchema, `${list}[]`) : leaves(schemaOf(key), key),
    )
    const shown = new Set(liveCases.map(({ key }) => key))
    assert.deepEqual(
      wanted.filter((key) => !shown.has(key)),
      [],
    )
    assert.deepEqual(
      [...shown].filter((key) => !wanted.includes(key)),
      [],
    )
  })
})

function schemaOf(key: string): TSchema {
  return key.split('.').reduce<TSchema>((schema, name) => {
    const inner: unknown = KindGuard.IsObject(schema) ? schema.properties[name] : undefined
    assert.ok(KindGuard.IsSchema(inner), `${key} is no key of the configuration`)
    return inner
  }, GatewayConfigSchema)
}

/** The keys of a section, or one. Sections that may be absent change as a whole. */
function leaves(schema: TSchema, key: string): string[] {
  if (!KindGuard.IsObject(schema) || KindGuard.IsOptional(schema)) return [key]
  return Object.entries(schema.properties).flatMap(([name, inner]) => leaves(inner, `${key}.${name}`))
}
