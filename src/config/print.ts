import { KindGuard, type TSchema } from '@sinclair/typebox'
import { stringify } from 'yaml'
import { formatDuration, isRecord } from './file/decode.ts'
import { maskSecrets } from './file/secrets.ts'
import { EndpointSchema } from './schema/discovery-schema.ts'
import { type EndpointConfig, type GatewayConfig, GatewayConfigSchema } from './schema/schema.ts'
import { unitKeyword } from './schema/units.ts'

/** The effective configuration as YAML: defaults filled in, durations with units, secrets masked. */
export function printConfig(config: GatewayConfig): string {
  return stringify(encodeConfig(config), { lineWidth: 0 })
}

/** The same as an object. */
export function encodeConfig(config: GatewayConfig): Record<string, unknown> {
  const encoded = encode(GatewayConfigSchema, maskSecrets(config))
  return isRecord(encoded) ? encoded : {}
}

/** An endpoint in the form of the file, with its secrets, or with the files that they are read from. */
export function encodeEndpoint(endpoint: EndpointConfig): Record<string, unknown> {
  const encoded = encode(EndpointSchema, endpoint)
  const { auth, ...rest } = isRecord(encoded) ? encoded : {}
  if (!isRecord(auth)) return rest
  const fromFiles = Object.keys(auth).filter((key) => `${key}_file` in auth)
  return {
    ...rest,
    auth: Object.fromEntries(Object.entries(auth).filter(([key]) => !fromFiles.includes(key))),
  }
}

/** Reverses `decode` for display: milliseconds become durations. */
function encode(schema: TSchema | undefined, value: unknown): unknown {
  if (schema === undefined) return value
  if (schema[unitKeyword] === 'duration') return typeof value === 'number' ? formatDuration(value) : value
  if (KindGuard.IsArray(schema)) {
    return Array.isArray(value) ? value.map((item: unknown) => encode(schema.items, item)) : value
  }
  if (KindGuard.IsObject(schema) && isRecord(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, encode(schema.properties[key], item)]),
    )
  }
  if (KindGuard.IsUnion(schema)) {
    const form = schema.anyOf.find(Array.isArray(value) ? KindGuard.IsArray : KindGuard.IsObject)
    return encode(form, value)
  }
  return value
}
