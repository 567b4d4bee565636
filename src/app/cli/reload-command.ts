import { isRecord } from '../../config/file/decode.ts'
import { changeText } from '../tables/change-text.ts'
import { readOptions, UsageError } from './arguments.ts'
import { clientOptions, clientUsage } from './client-arguments.ts'
import { clientCommand, jsonText, objectOf } from './client-command.ts'
import { GatewayClientError } from './gateway-client.ts'
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
  const read = () => readOptions(args, options)
  return clientCommand({ usage, read, env, timeoutMs }, async ({ values, positionals, connect }) => {
    if (positionals[0] !== undefined) throw new UsageError(`unexpected argument: ${positionals[0]}`)
    const query = values['dry-run'] === true ? '?dry_run=true' : ''
    const path = `/internal/admin/reload${query}`
    const answer = objectOf(await connect().send('POST', path, undefined, [unprocessable]))
    if (typeof answer.outcome !== 'string')
      throw new GatewayClientError('unexpected', 'this is not a gateway')
    const output = values.json ? jsonText(answer) : textOf(answer)
    return { output, exitCode: answer.outcome === 'refused' ? 1 : 0 }
  })
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
