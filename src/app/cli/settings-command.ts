import { isRecord } from '../../config/file/decode.ts'
import { changesText } from '../tables/change-text.ts'
import { columns } from '../tables/columns.ts'
import { readOptions, readValue, UsageError } from './arguments.ts'
import { clientOptions, clientUsage } from './client-arguments.ts'
import { clientCommand, jsonText, objectOf } from './client-command.ts'
import type { CommandResult } from './status-command.ts'

/** Commands that show and change settings of a running gateway. */
export const settingCommands = ['aliases', 'log-level', 'limits'] as const
type SettingCommand = (typeof settingCommands)[number]

const lines: Readonly<Record<SettingCommand, string>> = {
  aliases: `Usage: olla-gateway aliases                       list the aliases of a running gateway
       olla-gateway aliases set NAME MODEL...      add or replace one
       olla-gateway aliases remove NAME
       olla-gateway aliases reset NAME             take back what was set or removed`,
  'log-level': `Usage: olla-gateway log-level                     print the log level of a running gateway
       olla-gateway log-level LEVEL                debug, info, warn or error
       olla-gateway log-level reset                return to the configured one`,
  limits: `Usage: olla-gateway limits                        list the rate limits and the limits of the queue
       olla-gateway limits set KEY=VALUE...        rate_limits.burst_size=20, queue.max_wait=10s
       olla-gateway limits reset [KEY...]          return keys to the configured values; without KEY, all`,
}

const usageOf = (command: SettingCommand) => `${lines[command]}

Options:
      --dry-run         print what would change, and change nothing
${clientUsage}
  --json                print JSON

Changes last until the gateway stops, or are kept in server.state_file. Exit codes: 0 done   1 not possible
2 unreachable   3 not let in, or wrong arguments
`

const options = {
  ...clientOptions,
  'dry-run': { type: 'boolean' },
  json: { type: 'boolean' },
} as const

const timeoutMs = 60_000

/** `olla-gateway aliases`, `log-level` and `limits`. */
export async function settingsCommand(
  command: SettingCommand,
  args: string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<CommandResult> {
  const read = () => readOptions(args, options)
  return clientCommand(
    { usage: usageOf(command), read, env, timeoutMs },
    async ({ values, positionals, connect }) => {
      const { method, path, body } = requestOf(command, positionals)
      const query = values['dry-run'] === true && method !== 'GET' ? '?dry_run=true' : ''
      const answer = objectOf(await connect().send(method, `/internal/admin/${path}${query}`, body))
      return { output: values.json ? jsonText(answer) : textOf(answer), exitCode: 0 }
    },
  )
}

interface SettingRequest {
  readonly method: 'GET' | 'PUT' | 'PATCH' | 'POST' | 'DELETE'
  readonly path: string
  readonly body?: unknown
}

function requestOf(command: SettingCommand, words: readonly string[]): SettingRequest {
  const [action, ...rest] = words
  if (action === undefined) return { method: 'GET', path: command }
  switch (command) {
    case 'aliases':
      return aliasRequest(action, rest)
    case 'log-level':
      if (rest[0] !== undefined) throw new UsageError(`unexpected argument: ${rest[0]}`)
      return action === 'reset'
        ? { method: 'DELETE', path: command }
        : { method: 'PUT', path: command, body: { level: action } }
    case 'limits':
      return limitRequest(action, rest)
  }
}

function aliasRequest(action: string, [name, ...models]: readonly string[]): SettingRequest {
  if (!['set', 'remove', 'reset'].includes(action)) throw new UsageError(`there is no command "${action}"`)
  if (name === undefined) throw new UsageError(`${action} needs a name`)
  const path = `aliases/${encodeURIComponent(name)}`
  if (action === 'set') {
    if (models.length === 0) throw new UsageError('set needs a name and at least one model')
    return { method: 'PUT', path, body: models }
  }
  if (models[0] !== undefined) throw new UsageError(`unexpected argument: ${models[0]}`)
  return action === 'remove' ? { method: 'DELETE', path } : { method: 'POST', path: `${path}/reset` }
}

function limitRequest(action: string, words: readonly string[]): SettingRequest {
  if (action === 'reset') {
    if (words.length === 0) return { method: 'DELETE', path: 'limits' }
    return { method: 'PATCH', path: 'limits', body: grouped(words.map((key) => [key, null])) }
  }
  if (action !== 'set') throw new UsageError(`there is no command "${action}"`)
  if (words.length === 0) throw new UsageError('set needs KEY=VALUE')
  const pairs = words.map((text) => {
    const at = text.indexOf('=')
    if (at < 1) throw new UsageError(`not KEY=VALUE: ${text}`)
    return [text.slice(0, at), readValue(text.slice(at + 1))] as const
  })
  return { method: 'PATCH', path: 'limits', body: grouped(pairs) }
}

/** `queue.max_wait` is the key `max_wait` of the group `queue`. */
function grouped(pairs: readonly (readonly [string, unknown])[]): Record<string, Record<string, unknown>> {
  const groups: Record<string, Record<string, unknown>> = {}
  for (const [path, value] of pairs) {
    const [group = '', key, ...deeper] = path.split('.')
    if (key === undefined || deeper.length > 0)
      throw new UsageError(`not a limit: ${path}; they are written as rate_limits.burst_size`)
    groups[group] = { ...groups[group], [key]: value }
  }
  return groups
}

function textOf(answer: Record<string, unknown>): string {
  if (Array.isArray(answer.changes)) return changesText(answer)
  if (Array.isArray(answer.aliases)) return aliasesText(answer.aliases.filter(isRecord), answer.removed)
  if (isRecord(answer.settings)) return limitsText(answer.settings, answer.changed)
  const { level, source, configured } = answer
  return source === 'set' ? `${String(level)} (configured: ${String(configured)})\n` : `${String(level)}\n`
}

function aliasesText(aliases: readonly Record<string, unknown>[], removed: unknown): string {
  const rows = aliases.map(({ name, source, value }) => [String(name), String(source), targetsText(value)])
  const gone = Array.isArray(removed) && removed.length > 0 ? `removed: ${removed.join(', ')}\n` : ''
  return `${columns([['NAME', 'SOURCE', 'MODELS'], ...rows])}${gone}`
}

function targetsText(value: unknown): string {
  const targets = isRecord(value) ? value.targets : value
  if (!Array.isArray(targets)) return ''
  const names = targets.map((each) =>
    isRecord(each) ? `${String(each.model)} (weight ${String(each.weight)})` : String(each),
  )
  // A plain list is a pool; targets have an order.
  return names.join(isRecord(value) ? ' > ' : ', ')
}

function limitsText(settings: Record<string, unknown>, changed: unknown): string {
  const set = Array.isArray(changed) ? changed : []
  const rows = Object.entries(settings).flatMap(([group, keys]) =>
    Object.entries(isRecord(keys) ? keys : {}).map(([key, value]) => [
      `${group}.${key}`,
      String(value),
      set.includes(`${group}.${key}`) ? 'set' : 'configured',
    ]),
  )
  return columns([['LIMIT', 'VALUE', 'SOURCE'], ...rows])
}
