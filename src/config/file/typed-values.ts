import { KindGuard, type TSchema } from '@sinclair/typebox'
import { unitKeyword } from '../schema/units.ts'
import { isRecord } from './decode.ts'
import { readBoolean, readInteger, readNumber, WrittenScalar } from './yaml/written-scalar.ts'

/**
 * Converts each written scalar to the type of its key, as Go's decoder does: `name: 1.10` is a text and `enabled: yes`
 * a boolean.
 */
export function readTyped(schema: TSchema | undefined, value: unknown): unknown {
  if (value instanceof WrittenScalar) return readScalar(schema, value)
  if (Array.isArray(value)) {
    const items = memberFor(schema, KindGuard.IsArray)?.items
    return value.map((item) => readTyped(items, item))
  }
  if (!isRecord(value)) return value
  const section = memberFor(schema, KindGuard.IsObject)
  const record = memberFor(schema, KindGuard.IsRecord)
  const entry = record === undefined ? undefined : Object.values(record.patternProperties)[0]
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, readTyped(section?.properties[key] ?? entry, item)]),
  )
}

/** The schema itself, or the matching member of a union. */
function memberFor<T extends TSchema>(
  schema: TSchema | undefined,
  isKind: (value: unknown) => value is T,
): T | undefined {
  if (isKind(schema)) return schema
  return KindGuard.IsUnion(schema) ? schema.anyOf.find(isKind) : undefined
}

function readScalar(schema: TSchema | undefined, { value, source }: WrittenScalar): unknown {
  if (schema === undefined) return value
  const unit: unknown = schema[unitKeyword]
  const isWhole = unit === 'bytes' || unit === 'memory' || unit === 'threads' || unit === 'connections'
  if (isWhole) return readInteger(source) ?? value
  if (unit !== undefined && schema.type === undefined) return value
  switch (schema.type) {
    case 'boolean':
      return readBoolean(source) ?? value
    case 'integer':
      return readInteger(source) ?? value
    case 'number':
      return readNumber(source) ?? value
    case 'string':
      return source
    default:
      return KindGuard.IsUnion(schema) && schema.anyOf.some(({ type }) => type === 'string') ? source : value
  }
}
