import { isRecord } from '../../config/file/decode.ts'
import { changeText } from '../tables/change-text.ts'
import { readOptions, UsageError } from './arguments.ts'
import { clientOptions, clientUsage, createClient } from './client-arguments.ts'
import { failureResult } from './failure-result.ts'
import { type GatewayClient, GatewayClientError } from './gateway-client.ts'
import type { CommandResult } from './status-command.ts'

const usage = `Usage: olla-gateway reload [options]     make a running gateway read its configuration again

Options:
      --dry-run         print what would change, and change nothing
${clientUsage}
  --json                print JSON

Exit codes: 0 applied, or nothing to apply   1 the configuration is refused   2 unreachable   3 not let in, or wrong
arguments
`

const options = {
  ...clientOptions,
  'dry-run': { type: 'boolean' },
  json: { type: 'boolean' },
} as const

/** A reload may wait for endpoints that do not answer. */
const timeoutMs = 60_000
const unprocessable = 422

/** `olla-gateway reload`. */
export async function reloadCommand(
  args: string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<CommandResult> {
  let client: GatewayClient | undefined
  try {
    const { values, positionals } = readOptions(args, options)
    if (values.help) return { output: usage, exitCode: 0 }
    if (positionals[0] !== undefined) throw new UsageError(`unexpected argument: ${positionals[0]}`)
    client = createClient(values, env, timeoutMs)
    const query = values['dry-run'] === true ? '?dry_run=true' : ''
    const answer = await client.send('POST', `/internal/admin/reload${query}`, undefined, [unprocessable])
    if (!isRecord(answer) || typeof answer.outcome !== 'string')
      throw new GatewayClientError('unexpected', 'this is not a gateway')
    const output = values.json ? `${JSON.stringify(answer, null, 2)}\n` : textOf(answer)
    return { output, exitCode: answer.outcome === 'refused' ? 1 : 0 }
  } catch (error) {
    return failureResult(error, client)
  }
}

function textOf(answer: Record<string, unknown>): string {
  const problems = listOf(answer.problems).map(({ severity, text }) =>
    severity === 'warning' ? `warning: ${text}` : String(text),
  )
  if (answer.outcome === 'refused') {
    const reasons = problems.length > 0 ? problems : [String(answer.reason)]
    return lines(['refused; the present configuration stays', ...reasons])
  }
  return lines([opening(answer), ...listOf(answer.changes).map(changeText), ...problems])
}

function opening({ outcome, dry_run: isDryRun, config_version: version, changes }: Record<string, unknown>) {
  if (listOf(changes).length === 0) return `nothing differs from version ${version}`
  if (isDryRun === true) return `would change, in place of version ${version}:`
  return outcome === 'applied' ? `version ${version}:` : `nothing to apply; version ${version} stays:`
}

function listOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isRecord) : []
}

function lines(texts: readonly string[]): string {
  return `${texts.join('\n')}\n`
}
