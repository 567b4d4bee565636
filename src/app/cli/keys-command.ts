import { isRecord } from '../../config/file/decode.ts'
import { keyTable, keyText } from '../tables/key-text.ts'
import { limitTable, subjectsTable } from '../tables/limits-text.ts'
import { readOptions, UsageError } from './arguments.ts'
import { clientOptions, clientUsage } from './client-arguments.ts'
import { clientCommand, jsonText } from './client-command.ts'
import type { GatewayClient } from './gateway-client.ts'
import { changesOf, durationSeconds, fieldOptions, fieldUsage } from './key-fields.ts'
import { listAll, listLimits, usedOf } from './lists.ts'
import type { CommandResult } from './status-command.ts'

const usage = `Usage: olla-gateway keys COMMAND [options]     API keys of a running gateway

Commands:
  create NAME           make a key and print it, this once
  list                  the keys; --owner, --team, --search TEXT
  show KEY              one key, by its ID or name
  limits [KEY]          change what a key may use, or how much, and show what is used of its limits; without KEY,
                        all keys, owners and teams with limits, the nearest to one first: --near 80 (percent), --refused
  rotate KEY            replace the secret; --overlap 24h is how long the old one is accepted
  revoke KEY            delete a key; --disable keeps it, disabled, and enable KEY takes that back
  hash                  make a key for the configuration, with callers.secret from --secret-file FILE or
                        OLLA_CALLERS_SECRET, without a gateway

Options of create and limits:
${fieldUsage}

Options:
${clientUsage}
  --json                print JSON

Exit codes: 0 done   1 refused   2 unreachable   3 not let in, or wrong arguments
`

const options = {
  ...clientOptions,
  ...fieldOptions,
  search: { type: 'string' },
  overlap: { type: 'string' },
  disable: { type: 'boolean' },
  near: { type: 'string' },
  refused: { type: 'boolean' },
  'secret-file': { type: 'string' },
  json: { type: 'boolean' },
} as const

type Values = ReturnType<typeof readOptions<typeof options>>['values']

const timeoutMs = 30_000

/** `olla-gateway keys`. */
export async function keysCommand(
  args: string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<CommandResult> {
  const read = () => readOptions(args, options)
  return clientCommand(
    { usage, read, env, timeoutMs, needsAction: true },
    async ({ values, positionals, connect }) => {
      const [command = '', name, ...rest] = positionals
      if (rest.length > 0) throw new UsageError(`unexpected argument: ${rest[0]}`)
      const output =
        command === 'hash' ? await hashText(values, env) : await run(connect(), command, name, values)
      return { output, exitCode: 0 }
    },
  )
}

const path = '/internal/admin/keys'

async function run(
  client: GatewayClient,
  command: string,
  name: string | undefined,
  values: Values,
): Promise<string> {
  if (command === 'list') {
    const { owner, team, search } = values
    const keys = await listAll(client, path, 'keys', { owner, team, search })
    return values.json ? jsonText(keys) : keyTable(keys)
  }
  if (command === 'limits' && name === undefined) {
    const subjects = await listLimits(client, undefined, values)
    return values.json ? jsonText(subjects) : subjectsTable(subjects)
  }
  if (!isCommand(command)) throw new UsageError(`unknown command: keys ${command}`)
  if (name === undefined)
    throw new UsageError(`keys ${command} needs the ${command === 'create' ? 'name' : 'ID or name'} of a key`)
  const key = await perform(client, command, name, values)
  if (command !== 'limits' || !isRecord(key)) return values.json ? jsonText(key) : keyText(key)
  const used = await usedOf(client, 'key', String(key.id))
  return values.json
    ? jsonText({ ...key, used })
    : `${keyText(key)}${used.length === 0 ? '' : '\n'}${limitTable(used)}`
}

function isCommand(command: string): command is keyof typeof commands {
  return command in commands
}

const commands = { create: true, show: true, limits: true, rotate: true, revoke: true, enable: true } as const

function perform(
  client: GatewayClient,
  command: keyof typeof commands,
  name: string,
  values: Values,
): Promise<unknown> {
  const own = `${path}/${encodeURIComponent(name)}`
  switch (command) {
    case 'create':
      return client.send('POST', path, { name, ...changesOf(values, undefined) })
    case 'show':
      return client.get(own)
    case 'limits':
      return changeLimits(client, own, values)
    case 'rotate': {
      const { overlap } = values
      const body = overlap === undefined ? {} : { overlap_seconds: durationSeconds(overlap) }
      return client.send('POST', `${own}/rotate`, body)
    }
    case 'enable':
      return client.send('PATCH', own, { enabled: true })
    case 'revoke':
      return values.disable ? client.send('PATCH', own, { enabled: false }) : client.send('DELETE', own)
  }
}

/** Options that are not given keep the key's value. */
async function changeLimits(client: GatewayClient, own: string, values: Values): Promise<unknown> {
  const current = await client.get(own)
  const changes = changesOf(values, isRecord(current) ? current : {})
  return Object.keys(changes).length === 0 ? current : client.send('PATCH', own, changes)
}

async function hashText(values: Values, env: Readonly<Record<string, string | undefined>>): Promise<string> {
  const { readFileSync } = await import('node:fs')
  const { KeyHasher, configHash } = await import('../../callers/keys/key-hasher.ts')
  const { createKey } = await import('../../callers/keys/key-text.ts')
  const file = values['secret-file']
  const secret =
    file === undefined ? env.OLLA_CALLERS_SECRET : readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  if (secret === undefined || secret === '')
    throw new UsageError('keys hash needs --secret-file or OLLA_CALLERS_SECRET')
  const key = createKey()
  const hash = configHash(new KeyHasher(secret).hash(key))
  return values.json ? jsonText({ key, hash }) : `key:  ${key}\nhash: ${hash}\n`
}
