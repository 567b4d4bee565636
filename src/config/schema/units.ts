import { Type } from '@sinclair/typebox'

/**
 * Leaves that a person writes with a unit. The static type is the decoded one: `decode.ts` turns the text
 * into a number once, at load, so nothing behind the loader sees a unit.
 */
export const unitKeyword = 'x-unit'
export type Unit = 'duration' | 'bytes' | 'memory' | 'threads' | 'connections'

/** A Go duration (`1h30m`, `250ms`) or 0; decoded to milliseconds. */
export function Duration(options: { default: string | 0; description: string; minimumMs?: number }) {
  return Type.Unsafe<number>({
    [unitKeyword]: 'duration',
    anyOf: [
      { type: 'string', pattern: '^\\+?(([0-9]+\\.?[0-9]*|\\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$|^0$' },
      { type: 'integer', const: 0 },
    ],
    ...options,
  })
}

/** Most threads that serve; their number has eight bits in the shared cells, and control is one of them. */
export const mostThreads = 255

/** A number of threads, or as many as the machine runs at once. */
export function Threads(options: { default: number; description: string }) {
  return Type.Unsafe<number | 'auto'>({
    [unitKeyword]: 'threads',
    anyOf: [{ type: 'integer', minimum: 1, maximum: mostThreads }, { enum: ['auto'] }],
    ...options,
  })
}

/** A number of connections, or what the limit of descriptors allows. */
export function Connections(options: { default: 'auto'; description: string }) {
  return Type.Unsafe<number | 'auto'>({
    [unitKeyword]: 'connections',
    anyOf: [{ type: 'integer', minimum: 0 }, { enum: ['auto'] }],
    ...options,
  })
}

const bytesForms = [
  { type: 'integer', minimum: 0 },
  { type: 'string', pattern: '^[0-9]+(\\.[0-9]+)?\\s*([kKmMgG]?i?[bB])?$' },
]

/** Bytes, or a share of what the machine has. */
export function BufferedBytes(options: { default: 'auto'; description: string }) {
  return Type.Unsafe<number | 'auto'>({
    [unitKeyword]: 'memory',
    anyOf: [{ enum: ['auto'] }, ...bytesForms],
    ...options,
  })
}

/** Bytes as an integer, or with a binary unit (`100MB`, `64KiB`); decoded to bytes. */
export function Bytes(options: { default: number | string; description: string }) {
  return Type.Unsafe<number>({
    [unitKeyword]: 'bytes',
    anyOf: bytesForms,
    ...options,
  })
}
