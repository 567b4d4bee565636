import { type ParseArgsConfig, parseArgs } from 'node:util'
import { nearest } from '../../config/schema/diagnostics.ts'

/** The command line is invalid; the message is one sentence. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

type Options = NonNullable<ParseArgsConfig['options']>

/**
 * Reads options like Node's `parseArgs`, and like Go's `flag` package: `-config FILE`, `-config=FILE`, `-c=FILE`,
 * `-version`, `-version=false`. Positional arguments are in `positionals`.
 * @throws UsageError
 */
export function readOptions<const T extends Options>(args: readonly string[], options: T) {
  const normal = normalize(args, options)
  try {
    const { values, positionals } = parseArgs({ args: normal, options, allowPositionals: true })
    return { values, positionals }
  } catch (error) {
    throw new UsageError(sentenceOf(error))
  }
}

/** Converts to the spelling of `parseArgs`; rejects unknown options here, because its own message is too long. */
function normalize(args: readonly string[], options: Options): string[] {
  const shorts = new Map(
    Object.entries(options).flatMap(([name, { short }]) => (short ? [[short, name]] : [])),
  )
  const end = args.indexOf('--')
  const read = end < 0 ? args : args.slice(0, end)
  const result: string[] = []
  for (let at = 0; at < read.length; at++) {
    const arg = read[at] ?? ''
    const match = /^(--?)([^=]+)(?:=(.*))?$/s.exec(arg)
    const [, , typed = '', value] = match ?? []
    if (match === null || typed === '-') {
      result.push(arg)
      continue
    }
    const name = Object.hasOwn(options, typed) ? typed : shorts.get(typed)
    const option = name === undefined ? undefined : options[name]
    if (name === undefined || option === undefined) throw new UsageError(unknown(arg, typed, options))
    if (option.type === 'boolean') {
      if (isTrue(arg, value)) result.push(`--${name}`)
    } else if (value !== undefined) {
      result.push(`--${name}=${value}`)
    } else {
      const next = read[++at]
      if (next === undefined) throw new UsageError(`${arg} needs a value`)
      result.push(`--${name}=${next}`)
    }
  }
  return [...result, ...args.slice(read.length)]
}

function isTrue(arg: string, value: string | undefined): boolean {
  if (value === undefined || /^(?:1|t|true)$/i.test(value)) return true
  if (/^(?:0|f|false)$/i.test(value)) return false
  throw new UsageError(`${arg.split('=', 1)[0]} must be true or false, not "${value}"`)
}

function unknown(arg: string, typed: string, options: Options): string {
  const guess = nearest(typed, Object.keys(options))
  return `unknown option ${arg.split('=', 1)[0]}${guess === undefined ? '' : `, did you mean --${guess}?`}`
}

function sentenceOf(error: unknown): string {
  return error instanceof Error ? (error.message.split(/[.\n]/, 1)[0] ?? '') : String(error)
}

/** A value as typed: JSON (5, true, ["a"]), else text; an empty one is null. */
export function readValue(text: string): unknown {
  if (text === '') return null
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
