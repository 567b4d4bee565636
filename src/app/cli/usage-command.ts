import { isRecord } from '../../config/file/decode.ts'
import { usageTable } from '../tables/usage-text.ts'
import { readOptions, UsageError } from './arguments.ts'
import { clientOptions, clientUsage } from './client-arguments.ts'
import { clientCommand, jsonText } from './client-command.ts'
import { type GatewayClient, GatewayClientError } from './gateway-client.ts'
import type { CommandResult } from './status-command.ts'

const usage = `Usage: olla-gateway usage [options]     what callers of a running gateway have used

Options:
  --by GROUPS           key, owner, team, model, endpoint, or several with commas (default: key)
  --since WHEN          7d, 12h or 2027-01-31T00:00:00Z (default: 24h); --until likewise
  --interval INTERVAL   rows by hour or by day (UTC) instead of totals
  --key KEY, --owner NAME, --team NAME, --model NAME, --endpoint NAME
                        only what equals them
  --sort COLUMN         requests, tokens or cost, the most first (default: names)
${clientUsage}
  --json, --csv         print JSON or CSV

Exit codes: 0 done   1 no answer that can be used   2 unreachable   3 not let in, or wrong arguments
`

const text = { type: 'string' } as const
const flag = { type: 'boolean' } as const
const options = {
  ...clientOptions,
  by: text,
  since: text,
  until: text,
  interval: text,
  key: text,
  owner: text,
  team: text,
  model: text,
  endpoint: text,
  sort: text,
  json: flag,
  csv: flag,
} as const

type Values = ReturnType<typeof readOptions<typeof options>>['values']

const timeoutMs = 60_000

/** `olla-gateway usage`. */
export async function usageCommand(
  args: string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<CommandResult> {
  const read = () => readOptions(args, options)
  return clientCommand({ usage, read, env, timeoutMs }, async ({ values, positionals, connect }) => {
    if (positionals.length > 0) throw new UsageError(`unexpected argument: ${positionals[0]}`)
    const { sort } = values
    if (sort !== undefined && !['requests', 'tokens', 'cost'].includes(sort))
      throw new UsageError(`--sort is requests, tokens or cost, not ${sort}`)
    return { output: await run(connect(), values), exitCode: 0 }
  })
}

async function run(client: GatewayClient, values: Values): Promise<string> {
  const { by = 'key', since, until, interval, key, owner, team, model, endpoint } = values
  const query = new URLSearchParams({ by })
  for (const [name, value] of Object.entries({ since, until, interval, key, owner, team, model, endpoint })) {
    if (value !== undefined) query.set(name, value)
  }
  if (values.csv) {
    query.set('format', 'csv')
    return client.getText(`/internal/admin/usage?${query}`)
  }
  query.set('limit', '10000')
  const rows: unknown[] = []
  for (;;) {
    const page = await client.get(`/internal/admin/usage?${query}`)
    if (!isRecord(page) || !Array.isArray(page.usage))
      throw new GatewayClientError('unexpected', 'this gateway has no ledger')
    rows.push(...page.usage)
    if (typeof page.next === 'string') query.set('after', page.next)
    else if (values.json) return jsonText({ ...page, usage: rows })
    else return usageTable(rows, page.total, by.split(','), values.sort)
  }
}
