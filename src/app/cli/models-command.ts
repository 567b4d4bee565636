import { isRecord, parseDuration } from '../../config/file/decode.ts'
import { columns } from '../tables/columns.ts'
import { readOptions, UsageError } from './arguments.ts'
import { clientOptions, clientUsage } from './client-arguments.ts'
import { clientCommand, jsonText, objectOf } from './client-command.ts'
import type { GatewayClient } from './gateway-client.ts'
import type { CommandResult } from './status-command.ts'

const usage = `Usage: olla-gateway models                              what each endpoint can do with models, and which it has
       olla-gateway models load MODEL                   into memory, at the endpoint with the most room
       olla-gateway models unload MODEL                 out of memory, at all endpoints that have it
       olla-gateway models pull MODEL                   download it, to the endpoint with the most room
       olla-gateway models rm MODEL                     delete it, at all endpoints that have it
       olla-gateway models sleep MODEL [--level 2]      put its engine to sleep (vLLM)
       olla-gateway models wake MODEL
       olla-gateway models load-adapter MODEL --adapter NAME --path PATH
       olla-gateway models unload-adapter MODEL --adapter NAME
       olla-gateway models operations                   operations under way and the last ones, and the rules
       olla-gateway models cancel ID                    end an operation

Options:
  -e, --endpoint NAME   at this endpoint; a name or a glob, may be repeated
      --force           although requests are in flight there (unload, rm, sleep, unload-adapter)
      --wait DURATION   how long to wait for the end; default 1h, 0 for not at all
      --keep-alive TIME how long Ollama keeps the model: seconds or a duration; below 0 for ever (load)
${clientUsage}
  --json                print JSON

Exit codes: 0 done   1 not possible, failed or not over   2 unreachable   3 not let in, or wrong arguments
`

const options = {
  ...clientOptions,
  endpoint: { type: 'string', short: 'e', multiple: true },
  force: { type: 'boolean' },
  wait: { type: 'string' },
  'keep-alive': { type: 'string' },
  level: { type: 'string' },
  adapter: { type: 'string' },
  path: { type: 'string' },
  json: { type: 'boolean' },
} as const

const base = '/internal/admin/models'
const operationsUrl = '/internal/admin/operations'
/** Longer than one question takes. */
const timeoutMs = 60_000
/** How long one question waits: HTTP clients and proxies end those that take minutes. */
const questionSeconds = 30
const actions = ['load', 'unload', 'pull', 'sleep', 'wake', 'load-adapter', 'unload-adapter']

/** `olla-gateway models`. */
export async function modelsCommand(
  args: string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<CommandResult> {
  const read = () => readOptions(args, options)
  return clientCommand({ usage, read, env, timeoutMs }, async ({ values, positionals, connect }) => {
    const [action] = positionals
    const waits = action === 'rm' || actions.includes(action ?? '')
    const waitMs = parseDuration(values.wait ?? '1h')
    if (waitMs === undefined || waitMs < 0) throw new UsageError(`not a duration: ${values.wait}`)
    const client = connect()
    const first = objectOf(await send(client, positionals, values))
    const answer = waits ? { ...first, operations: await ended(client, first.operations, waitMs) } : first
    return {
      output: values.json ? jsonText(answer) : textOf(answer),
      exitCode: waits && waitMs > 0 && !isDone(answer) ? 1 : 0,
    }
  })
}

interface Values {
  readonly endpoint?: string[] | undefined
  readonly force?: boolean | undefined
  readonly wait?: string | undefined
  readonly 'keep-alive'?: string | undefined
  readonly level?: string | undefined
  readonly adapter?: string | undefined
  readonly path?: string | undefined
}

function send(
  client: GatewayClient,
  [action, target, extra]: readonly string[],
  values: Values,
): Promise<unknown> {
  if (action === undefined) return client.get(base)
  if (action === 'operations' && target === undefined) return client.get(operationsUrl)
  if (action !== 'cancel' && action !== 'rm' && !actions.includes(action))
    throw new UsageError(`there is no command "${action}"`)
  if (target === undefined)
    throw new UsageError(`${action} needs ${action === 'cancel' ? 'an ID' : 'a model'}`)
  if (extra !== undefined) throw new UsageError(`unexpected argument: ${extra}`)
  const name = encodeURIComponent(target)
  if (action === 'cancel') return client.send('DELETE', `${operationsUrl}/${name}`)
  const query = new URLSearchParams()
  for (const endpoint of values.endpoint ?? []) query.append('endpoint', endpoint)
  if (values.force === true) query.set('force', 'true')
  for (const key of ['keep-alive', 'level', 'adapter', 'path'] as const) {
    const value = values[key]
    if (value !== undefined) query.set(key.replace('-', '_'), value)
  }
  return action === 'rm'
    ? client.send('DELETE', `${base}/${name}?${query}`)
    : client.send('POST', `${base}/${name}/${action}?${query}`)
}

/** Asks until the operations have ended, or the time is over. */
async function ended(client: GatewayClient, begun: unknown, waitMs: number): Promise<unknown[]> {
  const untilMs = performance.now() + waitMs
  const operations = Array.isArray(begun) ? begun.filter(isRecord) : []
  return Promise.all(
    operations.map(async (operation) => {
      let now: unknown = operation
      while (isRecord(now) && now.state === 'running' && performance.now() < untilMs) {
        const leftMs = Math.ceil(untilMs - performance.now())
        const wait = `${Math.min(questionSeconds * 1_000, leftMs)}ms`
        now = await client.get(`${operationsUrl}/${encodeURIComponent(String(operation.id))}?wait=${wait}`)
      }
      return now
    }),
  )
}

function isDone({ operations, refused }: Record<string, unknown>): boolean {
  const all = Array.isArray(operations) ? operations.filter(isRecord) : []
  return all.every(({ state }) => state === 'done') && !(Array.isArray(refused) && refused.length > 0)
}

function textOf(answer: Record<string, unknown>): string {
  if (Array.isArray(answer.endpoints)) return endpointsText(answer.endpoints.filter(isRecord))
  const one = typeof answer.id === 'string' ? [answer] : []
  const operations = Array.isArray(answer.operations) ? answer.operations.filter(isRecord) : one
  const refused = Array.isArray(answer.refused) ? answer.refused.filter(isRecord) : []
  const rules = Array.isArray(answer.rules) ? answer.rules.filter(isRecord) : []
  const rows = operations.map(({ id, operation, endpoint, model, state, detail }) =>
    [id, operation, model, endpoint, state, detail].map(String),
  )
  const ruleRows = rules.map(({ rule, model, endpoint, state, detail }) =>
    [rule, model, endpoint, state, detail].map(String),
  )
  const refusals = refused.map(({ reason }) => `${String(reason)}\n`).join('')
  const table =
    rows.length === 0 && refused.length === 0
      ? 'no operations\n'
      : columns([['ID', 'OPERATION', 'MODEL', 'ENDPOINT', 'STATE', 'DETAIL'], ...rows])
  const ruleTable =
    ruleRows.length === 0
      ? ''
      : `\n${columns([['RULE', 'MODEL', 'ENDPOINT', 'STATE', 'DETAIL'], ...ruleRows])}`
  return `${table}${refusals}${ruleTable}`
}

function endpointsText(endpoints: readonly Record<string, unknown>[]): string {
  const rows = endpoints.flatMap(({ endpoint, operations, models }) => {
    const can = Array.isArray(operations) && operations.length > 0 ? operations.join(' ') : '-'
    const listed = Array.isArray(models) ? models.filter(isRecord) : []
    return listed.length === 0
      ? [[String(endpoint), '-', '-', can]]
      : listed.map(({ model, state }) => [String(endpoint), String(model), String(state), can])
  })
  return columns([['ENDPOINT', 'MODEL', 'STATE', 'CAN'], ...rows])
}
