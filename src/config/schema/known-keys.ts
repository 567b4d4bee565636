import { KindGuard, type TSchema } from '@sinclair/typebox'
import type { KeyPath } from './diagnostics.ts'
import { GatewayConfigSchema } from './schema.ts'

/** The schema at a path of a document, as far as the schema extends. */
export function schemaAt(path: KeyPath): TSchema | undefined {
  let schema: TSchema | undefined = GatewayConfigSchema
  for (const key of path) {
    if (schema === undefined) return undefined
    schema = memberFor(schema, typeof key === 'number')
    if (typeof key === 'number') schema = KindGuard.IsArray(schema) ? schema.items : undefined
    else if (KindGuard.IsObject(schema)) schema = schema.properties[key]
    else if (KindGuard.IsRecord(schema)) schema = Object.values(schema.patternProperties)[0]
    else return undefined
  }
  return schema
}

/** The form of a value that may be a section or a list of them. */
function memberFor(schema: TSchema, isList: boolean): TSchema {
  if (!KindGuard.IsUnion(schema)) return schema
  return schema.anyOf.find(isList ? KindGuard.IsArray : KindGuard.IsObject) ?? schema
}

export function keysAt(path: KeyPath): string[] {
  const schema = schemaAt(path)
  const section = schema === undefined ? undefined : memberFor(schema, false)
  return section !== undefined && KindGuard.IsObject(section) ? Object.keys(section.properties) : []
}

/** Every section with a key of this name, dotted; list items are written `[]`. */
export function sectionsWith(name: string): string[] {
  const found: string[] = []
  const walk = (schema: TSchema, path: string) => {
    if (KindGuard.IsArray(schema)) walk(schema.items, `${path}[]`)
    if (KindGuard.IsUnion(schema)) {
      const section = memberFor(schema, false)
      if (section !== schema) walk(section, path)
    }
    if (!KindGuard.IsObject(schema)) return
    if (path !== '' && Object.hasOwn(schema.properties, name)) found.push(path)
    for (const [key, property] of Object.entries(schema.properties))
      walk(property, path === '' ? key : `${path}.${key}`)
  }
  walk(GatewayConfigSchema, '')
  return found
}
