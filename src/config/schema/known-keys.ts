import { type TSchema, TypeGuard } from '@sinclair/typebox'
import type { KeyPath } from './diagnostics.ts'
import { GatewayConfigSchema } from './schema.ts'

/** The schema at a path of a document, as far as the schema extends. */
export function schemaAt(path: KeyPath): TSchema | undefined {
  let schema: TSchema | undefined = GatewayConfigSchema
  for (const key of path) {
    if (schema === undefined) return undefined
    if (typeof key === 'number') schema = TypeGuard.IsArray(schema) ? schema.items : undefined
    else if (TypeGuard.IsObject(schema)) schema = schema.properties[key]
    else if (TypeGuard.IsRecord(schema)) schema = Object.values(schema.patternProperties)[0]
    else return undefined
  }
  return schema
}

export function keysAt(path: KeyPath): string[] {
  const schema = schemaAt(path)
  return schema !== undefined && TypeGuard.IsObject(schema) ? Object.keys(schema.properties) : []
}

/** Every section with a key of this name, dotted; list items are written `[]`. */
export function sectionsWith(name: string): string[] {
  const found: string[] = []
  const walk = (schema: TSchema, path: string) => {
    if (TypeGuard.IsArray(schema)) walk(schema.items, `${path}[]`)
    if (!TypeGuard.IsObject(schema)) return
    if (path !== '' && Object.hasOwn(schema.properties, name)) found.push(path)
    for (const [key, property] of Object.entries(schema.properties))
      walk(property, path === '' ? key : `${path}.${key}`)
  }
  walk(GatewayConfigSchema, '')
  return found
}
