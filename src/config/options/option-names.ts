import type { TSchema } from '@sinclair/typebox'
import { unitKeyword } from '../schema/units.ts'

/** Converts `max_retry_wait` to `maxRetryWait`. */
export type CamelCase<Key extends string> = Key extends `${infer Head}_${infer Rest}`
  ? `${Head}${Capitalize<CamelCase<Rest>>}`
  : Key

type InBytes<Key extends string> = Key extends `${infer Head}_size`
  ? `${CamelCase<Head>}Bytes`
  : Key extends `${string}_bytes`
    ? CamelCase<Key>
    : `${CamelCase<Key>}Bytes`

/** Name of the option for a key: camel case with the unit of its schema. */
export type OptionName<Key extends string, Schema> = Schema extends { readonly [unitKeyword]: 'duration' }
  ? `${CamelCase<Key>}Ms`
  : Schema extends { readonly [unitKeyword]: 'bytes' | 'memory' }
    ? InBytes<Key>
    : Schema extends { readonly [unitKeyword]: 'seconds' }
      ? `${CamelCase<Key>}Seconds`
      : CamelCase<Key>

/** The same at run time: `response_timeout` becomes `responseTimeoutMs`, `max_body_size` becomes `maxBodyBytes`. */
export function optionName(key: string, schema: TSchema): string {
  const name = camelCase(key)
  switch (schema[unitKeyword]) {
    case 'duration':
      return `${name}Ms`
    case 'seconds':
      return `${name}Seconds`
    case 'bytes':
    case 'memory':
      return key.endsWith('_bytes') ? name : `${camelCase(key.replace(/_size$/, ''))}Bytes`
    default:
      return name
  }
}

export function camelCase(key: string): string {
  return key.replace(/_([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase())
}
