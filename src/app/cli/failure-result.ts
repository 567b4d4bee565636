import { type GatewayClient, GatewayClientError } from './gateway-client.ts'
import type { CommandResult } from './status-command.ts'

const exitCodes = { unexpected: 1, unreachable: 2, refused: 3, limited: 3 } as const satisfies Record<
  GatewayClientError['kind'],
  number
>

/** What a command prints if the gateway gives no answer, or if its arguments are wrong. */
export function failureResult(error: unknown, client: GatewayClient | undefined): CommandResult {
  if (error instanceof GatewayClientError) {
    return { output: `${client?.url}: ${error.message}\n`, exitCode: exitCodes[error.kind] }
  }
  return { output: `${error instanceof Error ? error.message : String(error)}\nTry --help.\n`, exitCode: 3 }
}
