import { type TUnsafe, Type } from '@sinclair/typebox'

/**
 * Values that users write with a unit. The static type is the decoded one: `decode.ts` converts the text to a number
 * once, at load, so no other code handles units.
 */
export const unitKeyword = 'x-unit'
export type Unit = 'duration' | 'bytes' | 'memory' | 'threads' | 'connections' | 'seconds'

/** A value with a unit. The type includes the unit, because it determines the names of derived options. */
export type TUnit<U extends Unit, Decoded> = TUnsafe<Decoded> & { readonly [unitKeyword]: U }

function unitLeaf<const U extends Unit, Decoded>(
  unit: U,
  schema: Record<string, unknown>,
): TUnit<U, Decoded> {
  return Object.assign(Type.Unsafe<Decoded>(schema), { [unitKeyword]: unit } as const)
}

/** A Go duration (`1h30m`, `250ms`) or 0; decoded to milliseconds. */
export function Duration(options: { default?: string | 0; description: string; minimumMs?: number }) {
  return unitLeaf<'duration', number>('duration', {
    anyOf: [
      { type: 'string', pattern: '^\\+?(([0-9]+\\.?[0-9]*|\\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$|^0$' },
      { type: 'integer', const: 0 },
    ],
    ...options,
  })
}

/** Maximum serving threads: thread numbers have eight bits in the shared cells, and control uses one. */
export const maxThreads = 255

/** A number of threads, or `auto` for as many as the machine runs in parallel. */
export function Threads(options: { default: number; description: string }) {
  return unitLeaf<'threads', number | 'auto'>('threads', {
    anyOf: [{ type: 'integer', minimum: 1, maximum: maxThreads }, { enum: ['auto'] }],
    ...options,
  })
}

/** A number of connections, or `auto` for as many as the limit of descriptors allows. */
export function Connections(options: { default: 'auto'; description: string }) {
  return unitLeaf<'connections', number | 'auto'>('connections', {
    anyOf: [{ type: 'integer', minimum: 0 }, { enum: ['auto'] }],
    ...options,
  })
}

const bytesForms = [
  { type: 'integer', minimum: 0 },
  { type: 'string', pattern: '^[0-9]+(\\.[0-9]+)?\\s*([kKmMgG]?i?[bB])?$' },
]

/** Bytes, or `auto` for a share of the machine's memory. */
export function BufferedBytes(options: { default: 'auto'; description: string }) {
  return unitLeaf<'memory', number | 'auto'>('memory', {
    anyOf: [{ enum: ['auto'] }, ...bytesForms],
    ...options,
  })
}

/** Bytes as an integer, or with a binary unit (`100MB`, `64KiB`); decoded to bytes. */
export function Bytes(options: { default: number | string; description: string }) {
  return unitLeaf<'bytes', number>('bytes', {
    anyOf: bytesForms,
    ...options,
  })
}

/** A whole number of seconds, as in Olla's file. */
export function Seconds(options: { default: number; description: string }) {
  return unitLeaf<'seconds', number>('seconds', { ...options, minimum: 0, type: 'integer' })
}
