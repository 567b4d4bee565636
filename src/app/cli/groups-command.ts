import { isRecord } from '../../config/file/decode.ts'
import { groupTable, keyText } from '../tables/key-text.ts'
import { limitTable, subjectsTable } from '../tables/limits-text.ts'
import { readOptions, UsageError } from './arguments.ts'
import { clientOptions, clientUsage } from './client-arguments.ts'
import { clientCommand, jsonText } from './client-command.ts'
import type { GatewayClient } from './gateway-client.ts'
import { changesOf, limitOptions, limitUsage, policyOptions, policyUsage } from './key-fields.ts'
import { listAll, listLimits, usedOf } from './lists.ts'
import type { CommandResult } from './status-command.ts'

/** What keys belong to. */
export type GroupKind = 'team' | 'owner'

const usageOf = (
  kind: GroupKind,
) => `Usage: olla-gateway ${kind}s COMMAND [options]     ${kind}s of API keys of a running gateway

Commands:
  create NAME           ${kind === 'team' ? 'make a team' : 'give an owner limits; keys may name owners without'}
  list                  those that are known; --search TEXT
  show NAME             one of them
  limits [NAME]         change ${kind === 'team' ? 'what its keys may use, or ' : ''}how much, and show what is used of its limits; without NAME, all
                        ${kind}s with limits, the nearest to one first: --near 80 (percent), --refused
  disable NAME          refuse its keys; enable NAME
  delete NAME           ${kind === 'team' ? 'a team without keys' : 'its keys stay'}

Options of create and limits:
  --metadata NAME=TEXT  free text (repeat for more, as all of these)
${kind === 'team' ? `${policyUsage}\n` : ''}${limitUsage}

Options:
${clientUsage}
  --json                print JSON

Exit codes: 0 done   1 refused   2 unreachable   3 not let in, or wrong arguments
`

const options = {
  ...clientOptions,
  ...policyOptions,
  ...limitOptions,
  metadata: { type: 'string', multiple: true },
  search: { type: 'string' },
  near: { type: 'string' },
  refused: { type: 'boolean' },
  json: { type: 'boolean' },
} as const

type Values = ReturnType<typeof readOptions<typeof options>>['values']

const timeoutMs = 30_000

/** `olla-gateway teams` and `olla-gateway owners`. */
export async function groupsCommand(
  kind: GroupKind,
  args: string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<CommandResult> {
  const read = () => readOptions(args, options)
  return clientCommand(
    { usage: usageOf(kind), read, env, timeoutMs, needsAction: true },
    async ({ values, positionals, connect }) => {
      const [command = '', name, ...rest] = positionals
      if (rest.length > 0) throw new UsageError(`unexpected argument: ${rest[0]}`)
      if (kind === 'owner' && Object.keys(policyOptions).some((each) => each in values))
        throw new UsageError('an owner has limits only: what its keys may use is set for a key or a team')
      return { output: await run(connect(), kind, command, name, values), exitCode: 0 }
    },
  )
}

async function run(
  client: GatewayClient,
  kind: GroupKind,
  command: string,
  name: string | undefined,
  values: Values,
): Promise<string> {
  const route = `/internal/admin/${kind}s`
  if (command === 'list') {
    const groups = await listAll(client, route, `${kind}s`, { search: values.search })
    return values.json ? jsonText(groups) : groupTable(groups, kind)
  }
  if (command === 'limits' && name === undefined) {
    const subjects = await listLimits(client, kind, values)
    return values.json ? jsonText(subjects) : subjectsTable(subjects)
  }
  if (!isCommand(command)) throw new UsageError(`unknown command: ${kind}s ${command}`)
  if (name === undefined)
    throw new UsageError(`${kind}s ${command} needs the name of ${article[kind]} ${kind}`)
  const group = await perform(client, route, command, name, values)
  if (command !== 'limits' || !isRecord(group)) return values.json ? jsonText(group) : keyText(group)
  const used = await usedOf(client, kind, name)
  return values.json
    ? jsonText({ ...group, used })
    : `${keyText(group)}${used.length === 0 ? '' : '\n'}${limitTable(used)}`
}

const article = { team: 'a', owner: 'an' } as const
const commands = {
  create: true,
  show: true,
  limits: true,
  disable: true,
  enable: true,
  delete: true,
} as const

function isCommand(command: string): command is keyof typeof commands {
  return command in commands
}

async function perform(
  client: GatewayClient,
  route: string,
  command: keyof typeof commands,
  name: string,
  values: Values,
): Promise<unknown> {
  const own = `${route}/${encodeURIComponent(name)}`
  switch (command) {
    case 'create':
      return client.send('POST', route, { name, ...changesOf(values, undefined) })
    case 'show':
      return client.get(own)
    case 'limits': {
      const current = await client.get(own)
      const changes = changesOf(values, isRecord(current) ? current : {})
      return Object.keys(changes).length === 0 ? current : client.send('PATCH', own, changes)
    }
    case 'disable':
      return client.send('PATCH', own, { enabled: false })
    case 'enable':
      return client.send('PATCH', own, { enabled: true })
    case 'delete':
      return client.send('DELETE', own)
  }
}
