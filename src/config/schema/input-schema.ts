import type { TSchema } from '@sinclair/typebox'
import { GatewayConfigSchema } from './schema.ts'
import { unitKeyword } from './units.ts'

/** A plain JSON Schema node. */
export type SchemaNode = { readonly [key: string]: unknown }

/**
 * The schema of what users write: `GatewayConfigSchema`, but only keys without a default are required. (The TypeBox
 * types describe the loaded configuration, which is complete.)
 */
export function inputSchema(): SchemaNode {
  return inputOf(GatewayConfigSchema)
}

/** The same of any part of it. */
export function inputOf(schema: TSchema): SchemaNode {
  const plain: SchemaNode = JSON.parse(JSON.stringify(schema))
  return relax(plain)
}

/** The schema of one section, in which durations may also be numbers in milliseconds. */
export function sectionSchema(name: string): SchemaNode {
  const { properties } = inputSchema()
  const section = isNode(properties) ? properties[name] : undefined
  return isNode(section) ? withDecoded(section) : {}
}

const milliseconds = { type: 'number', minimum: 0 }

function withDecoded(node: SchemaNode): SchemaNode {
  if (node[unitKeyword] === 'duration' && Array.isArray(node.anyOf))
    return { ...node, anyOf: [...node.anyOf, milliseconds] }
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => [key, key === 'default' ? value : withDecodedIn(value)]),
  )
}

function withDecodedIn(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withDecodedIn)
  return isNode(value) ? withDecoded(value) : value
}

function relax(node: SchemaNode): SchemaNode {
  return Object.fromEntries(
    Object.entries(node).flatMap(([key, value]) => {
      if (key === 'required') {
        const required = requiredKeys(node)
        return required.length > 0 ? [[key, required]] : []
      }
      return [[key, relaxValue(key, value)]]
    }),
  )
}

function relaxValue(key: string, value: unknown): unknown {
  if (key === 'default' || key === 'enum') return value
  if (Array.isArray(value)) return value.map((item: unknown) => (isNode(item) ? relax(item) : item))
  return isNode(value) ? relax(value) : value
}

function requiredKeys({ properties, required }: SchemaNode): string[] {
  if (!isNode(properties) || !Array.isArray(required)) return []
  return required.filter((key): key is string => {
    const property = typeof key === 'string' ? properties[key] : undefined
    return isNode(property) && !('default' in property) && property.type !== 'object'
  })
}

export function isNode(value: unknown): value is SchemaNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
