import { formatDuration, isRecord } from '../file/decode.ts'
import type { KeyPath, Problem } from '../schema/diagnostics.ts'
import { isNode, type SchemaNode } from '../schema/input-schema.ts'

/** Durations below the minimum of their key (`minimumMs`), which JSON Schema cannot express for `30s`. */
export function checkMinimumDurations(schema: SchemaNode, value: unknown, path: KeyPath = []): Problem[] {
  const { minimumMs, properties, items, anyOf } = schema
  if (typeof minimumMs === 'number') {
    if (typeof value !== 'number' || value >= minimumMs) return []
    return [{ severity: 'error', path, message: `must be at least ${formatDuration(minimumMs)}` }]
  }
  if (isRecord(properties) && isRecord(value)) {
    return Object.entries(properties).flatMap(([key, inner]) =>
      isNode(inner) ? checkMinimumDurations(inner, value[key], [...path, key]) : [],
    )
  }
  if (isNode(items) && Array.isArray(value)) {
    return value.flatMap((each: unknown, index) => checkMinimumDurations(items, each, [...path, index]))
  }
  const section: unknown = Array.isArray(anyOf)
    ? anyOf.find((form) => isNode(form) && fits(form, value))
    : undefined
  return isNode(section) ? checkMinimumDurations(section, value, path) : []
}

/** Whether a form of several is the one of a value: a list, or a section. */
function fits({ properties, items }: SchemaNode, value: unknown): boolean {
  return Array.isArray(value) ? isNode(items) : isRecord(properties) && isRecord(value)
}
