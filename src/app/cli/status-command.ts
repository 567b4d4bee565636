import { isRecord } from '../../config/file/decode.ts'
import { readOptions } from './arguments.ts'
import { clientOptions, clientUsage, createClient } from './client-arguments.ts'
import { GatewayClientError } from './gateway-client.ts'
import { type FleetStatus, statusText } from './status-text.ts'

const usage = `Usage: olla-gateway status [options]     how a running gateway and its endpoints are

Options:
${clientUsage}
  --timeout SECONDS     wait so long for an answer; default 5
  --json                print JSON

Exit codes, as monitoring plugins have them:
  0 healthy   1 degraded   2 critical or unreachable   3 not let in, rate-limited, or wrong arguments
`

const options = {
  ...clientOptions,
  timeout: { type: 'string' },
  json: { type: 'boolean' },
} as const

/** Output and exit code of a command. */
export interface CommandResult {
  readonly output: string
  readonly exitCode: number
}

/** `olla-gateway status`. */
export async function statusCommand(
  args: string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<CommandResult> {
  try {
    const { values } = readOptions(args, options)
    if (values.help) return { output: usage, exitCode: 0 }
    const seconds = Number(values.timeout ?? 5)
    if (!(seconds > 0)) throw new Error('--timeout must be a number of seconds')
    const client = createClient(values, env, seconds * 1000)
    const status = await readStatus(client)
    return { output: values.json ? toJson(status) : statusText(status), exitCode: exitCodes[status.status] }
  } catch (error) {
    return { output: `${error instanceof Error ? error.message : String(error)}\nTry --help.\n`, exitCode: 3 }
  }
}

const exitCodes = {
  healthy: 0,
  degraded: 1,
  critical: 2,
  unreachable: 2,
  refused: 3,
  limited: 3,
} as const satisfies Record<FleetStatus['status'], number>

async function readStatus(client: ReturnType<typeof createClient>): Promise<FleetStatus> {
  try {
    const [overview, endpoints] = await Promise.all([
      client.get('/internal/status'),
      client.get('/internal/status/endpoints'),
    ])
    const system = isRecord(overview) && isRecord(overview.system) ? overview.system : {}
    const rows = isRecord(endpoints) && Array.isArray(endpoints.endpoints) ? endpoints.endpoints : []
    const { status } = system
    if (status !== 'healthy' && status !== 'degraded' && status !== 'critical') {
      throw new GatewayClientError('unexpected', 'this is not a gateway')
    }
    return { url: client.url, status, error: null, system, endpoints: rows.filter(isRecord) }
  } catch (error) {
    if (!(error instanceof GatewayClientError)) throw error
    const status = error.kind === 'refused' || error.kind === 'limited' ? error.kind : 'unreachable'
    return { url: client.url, status, error: error.message, system: null, endpoints: [] }
  }
}

function toJson(status: FleetStatus): string {
  return `${JSON.stringify(status, null, 2)}\n`
}
