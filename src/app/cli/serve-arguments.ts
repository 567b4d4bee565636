import { existsSync } from 'node:fs'
import { nearest } from '../../config/schema/diagnostics.ts'
import { readOptions, UsageError } from './arguments.ts'

const options = {
  config: { type: 'string', short: 'c' },
  demo: { type: 'boolean' },
  host: { type: 'string' },
  port: { type: 'string' },
  threads: { type: 'string' },
  profile: { type: 'boolean' },
  'validate-config': { type: 'boolean' },
  'print-config': { type: 'boolean' },
  version: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

/** Reads the options of the serve command, and the messages for unknown arguments. */
export function readServeArguments(args: readonly string[]) {
  const { values, positionals } = readOptions(args, options)
  return { values, notices: positionals.flatMap(noticeOf) }
}

export type ServeArguments = ReturnType<typeof readServeArguments>['values']

/** Words that users type to start a server; Olla ignores all of them. */
const startCommands = new Set(['serve', 'server', 'start', 'run'])
const commands = [
  ...['top', 'status', 'reload', 'endpoints', 'aliases', 'log-level', 'limits', 'keys', 'usage'],
  ...['simulator', 'help', 'version'],
]

function noticeOf(argument: string): string[] {
  if (startCommands.has(argument)) return []
  const guess = nearest(argument, [...commands, ...startCommands])
  if (guess !== undefined) throw new UsageError(`unknown command "${argument}", did you mean "${guess}"?`)
  return [
    existsSync(argument)
      ? `the argument "${argument}" is ignored; to read it as the configuration: -c ${argument}`
      : `the argument "${argument}" is ignored: it is not a command`,
  ]
}

/** Returns the variables that the options set, and the options as typed. */
export function overridesOf(values: ServeArguments): {
  env: Record<string, string>
  flags: Map<string, string>
} {
  const env: Record<string, string> = {}
  const flags = new Map<string, string>()
  for (const name of ['host', 'port', 'threads'] as const) {
    const value = values[name]
    if (value === undefined) continue
    if (value.trim() === '') throw new UsageError(`--${name} needs a value`)
    const variable = `OLLA_SERVER_${name.toUpperCase()}`
    env[variable] = value
    flags.set(variable, `--${name}`)
  }
  return { env, flags }
}
