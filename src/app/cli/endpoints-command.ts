import { isRecord, parseDuration } from '../../config/file/decode.ts'
import { changesText } from '../tables/change-text.ts'
import { columns } from '../tables/columns.ts'
import { readOptions, readValue, UsageError } from './arguments.ts'
import { clientOptions, clientUsage } from './client-arguments.ts'
import { clientCommand, jsonText, objectOf } from './client-command.ts'
import type { GatewayClient } from './gateway-client.ts'
import type { CommandResult } from './status-command.ts'

const usage = `Usage: olla-gateway endpoints                                  list the endpoints of a running gateway
       olla-gateway endpoints show NAME                        print the settings of one
       olla-gateway endpoints add URL [--name N] [--type T] [--set KEY=VALUE]...
       olla-gateway endpoints change NAME --set KEY=VALUE...   an empty VALUE returns a key to its default
       olla-gateway endpoints remove NAME                      it finishes what it has
       olla-gateway endpoints reset NAME                       take back what was changed or removed
       olla-gateway endpoints drain NAME [--wait 60s]          no new requests
       olla-gateway endpoints undrain NAME
       olla-gateway endpoints probe|refresh|reset-circuit NAME probe now, read models now, close the circuit

Options:
      --dry-run         print what would change, and change nothing (add, change, remove, reset)
${clientUsage}
  --json                print JSON

Values are JSON (5, true, ["a"]), else text. Exit codes: 0 done   1 not possible, or a drain that is not over
2 unreachable   3 not let in, or wrong arguments
`

const options = {
  ...clientOptions,
  name: { type: 'string' },
  type: { type: 'string' },
  set: { type: 'string', multiple: true },
  wait: { type: 'string' },
  'dry-run': { type: 'boolean' },
  json: { type: 'boolean' },
} as const

const base = '/internal/admin/endpoints'
/** A change may wait for endpoints that do not answer. */
const timeoutMs = 60_000
/** How long one request waits for a drain: HTTP clients and proxies end those that take minutes. */
const drainQuestionMs = 30_000
const actions = ['reset', 'drain', 'undrain', 'probe', 'refresh', 'reset-circuit']

/** `olla-gateway endpoints`. */
export async function endpointsCommand(
  args: string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<CommandResult> {
  const read = () => readOptions(args, options)
  return clientCommand({ usage, read, env, timeoutMs }, async ({ values, positionals, connect }) => {
    const answer = objectOf(await send(connect(), positionals, values))
    const isOver = answer.drained !== false || positionals[0] !== 'drain'
    return { output: values.json ? jsonText(answer) : textOf(answer), exitCode: isOver ? 0 : 1 }
  })
}

interface Values {
  readonly name?: string | undefined
  readonly type?: string | undefined
  readonly set?: string[] | undefined
  readonly wait?: string | undefined
  readonly 'dry-run'?: boolean | undefined
}

function send(
  client: GatewayClient,
  [action, target, extra]: readonly string[],
  values: Values,
): Promise<unknown> {
  if (extra !== undefined) throw new UsageError(`unexpected argument: ${extra}`)
  if (action === undefined) return client.get(base)
  if (target === undefined) throw new UsageError(`${action} needs ${action === 'add' ? 'a URL' : 'a name'}`)
  const query = values['dry-run'] === true ? '?dry_run=true' : ''
  const path = `${base}/${encodeURIComponent(target)}`
  const { name, type } = values
  const keys = {
    ...settingsOf(values.set ?? []),
    ...(name === undefined ? {} : { name }),
    ...(type === undefined ? {} : { type }),
  }
  if (action === 'show') return client.get(path)
  if (action === 'add') return client.send('POST', `${base}${query}`, { ...keys, url: target })
  if (action === 'change') {
    if (Object.keys(keys).length === 0) throw new UsageError('change needs --set KEY=VALUE')
    return client.send('PATCH', `${path}${query}`, keys)
  }
  if (action === 'remove') return client.send('DELETE', `${path}${query}`)
  if (!actions.includes(action)) throw new UsageError(`there is no command "${action}"`)
  if (action === 'drain' && values.wait !== undefined) return drain(client, path, values.wait)
  return client.send('POST', `${path}/${action}${action === 'reset' ? query : ''}`)
}

/** Drains an endpoint, and waits until it is empty, is in service again, or the time is over. */
async function drain(client: GatewayClient, path: string, wait: string): Promise<unknown> {
  const waitMs = parseDuration(wait)
  if (waitMs === undefined || waitMs < 0) throw new UsageError(`not a duration: ${wait}`)
  const untilMs = performance.now() + waitMs
  for (;;) {
    const leftMs = Math.max(0, Math.ceil(untilMs - performance.now()))
    const answer = await client.send('POST', `${path}/drain?wait=${Math.min(leftMs, drainQuestionMs)}ms`)
    if (!isRecord(answer) || answer.status !== 'draining' || leftMs <= drainQuestionMs) return answer
  }
}

/** `weight=2` is a number, `type=vllm` a text, `auth.token=x` a key of a section, and `weight=` none. */
function settingsOf(texts: readonly string[]): Record<string, unknown> {
  const settings: Record<string, unknown> = {}
  for (const text of texts) {
    const at = text.indexOf('=')
    if (at < 1) throw new UsageError(`not KEY=VALUE: ${text}`)
    const [key = '', inner, ...deeper] = text.slice(0, at).split('.')
    if (deeper.length > 0) throw new UsageError(`too many dots: ${text}`)
    const value = readValue(text.slice(at + 1))
    const section = settings[key]
    settings[key] = inner === undefined ? value : { ...(isRecord(section) ? section : {}), [inner]: value }
  }
  return settings
}

function textOf(answer: Record<string, unknown>): string {
  if (Array.isArray(answer.endpoints)) return listText(answer.endpoints.filter(isRecord), answer.removed)
  if (isRecord(answer.settings)) return `${JSON.stringify(answer.settings, null, 2)}\n`
  if (Array.isArray(answer.changes)) return changesText(answer)
  return `${String(answer.endpoint)}: ${String(answer.status)}\n`
}

function listText(endpoints: readonly Record<string, unknown>[], removed: unknown): string {
  const rows = endpoints.map(({ name, status, in_flight: inFlight, source, changed, settings }) => [
    String(name),
    String(status),
    String(inFlight),
    isRecord(settings) ? String(settings.url) : '',
    Array.isArray(changed) && changed.length > 0 ? `changed: ${changed.join(', ')}` : String(source),
  ])
  const gone = Array.isArray(removed) && removed.length > 0 ? `removed: ${removed.join(', ')}\n` : ''
  return `${columns([['NAME', 'STATUS', 'IN FLIGHT', 'URL', 'SOURCE'], ...rows])}${gone}`
}
