import { inputSchema, isNode, type SchemaNode } from './input-schema.ts'
import { unitKeyword } from './units.ts'

/**
 * The JSON Schema with which editors complete and validate the YAML. Every value, whatever its type, may also be a
 * `${VAR}` reference.
 */
export function editorSchema(): SchemaNode {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'olla-gateway configuration',
    ...withReferences(inputSchema()),
  }
}

const reference = { type: 'string', pattern: '^\\$\\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\\}$' }

/** Keywords that constrain values; the others are for people. */
const constraints = ['type', 'enum', 'minimum', 'maximum']

function withReferences(node: SchemaNode): SchemaNode {
  const entries = Object.entries(node).filter(([key]) => key !== unitKeyword)
  const copy = Object.fromEntries(entries.map(([key, value]) => [key, inside(key, value)]))
  if (Array.isArray(copy.anyOf)) return { ...copy, anyOf: [...copy.anyOf, reference] }
  const isText = copy.type === 'string' && copy.enum === undefined
  if (isText || copy.type === 'object' || copy.type === 'array' || typeof copy.type !== 'string') return copy
  const own = Object.fromEntries(Object.entries(copy).filter(([key]) => constraints.includes(key)))
  const rest = Object.fromEntries(Object.entries(copy).filter(([key]) => !constraints.includes(key)))
  return { ...rest, anyOf: [own, reference] }
}

function inside(key: string, value: unknown): unknown {
  if (key === 'default' || key === 'enum' || key === 'anyOf') return value
  if (Array.isArray(value)) return value.map((item: unknown) => (isNode(item) ? withReferences(item) : item))
  if (key === 'properties' && isNode(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, isNode(item) ? withReferences(item) : item]),
    )
  }
  return isNode(value) ? withReferences(value) : value
}
