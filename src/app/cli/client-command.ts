import { isRecord } from '../../config/file/decode.ts'
import { type ClientArguments, createClient } from './client-arguments.ts'
import { type GatewayClient, GatewayClientError } from './gateway-client.ts'
import type { CommandResult } from './status-command.ts'

interface ClientValues extends ClientArguments {
  readonly help?: boolean | undefined
}

/** A command that asks a running gateway. */
export interface ClientCommand<Values extends ClientValues> {
  readonly usage: string
  /** Reads the arguments. @throws UsageError */
  readonly read: () => { readonly values: Values; readonly positionals: readonly string[] }
  readonly env: Readonly<Record<string, string | undefined>>
  readonly timeoutMs: number
  /** Whether the first positional argument may not be missing. Default: false. */
  readonly needsAction?: boolean
}

/** What a command runs with. */
export interface ClientRun<Values> {
  readonly values: Values
  readonly positionals: readonly string[]
  /** @throws Error if the options name no gateway */
  readonly connect: () => GatewayClient
}

const exitCodes = { unexpected: 1, unreachable: 2, refused: 3, limited: 3 } as const satisfies Record<
  GatewayClientError['kind'],
  number
>

/**
 * Reads the arguments of a command and runs it. Prints the usage for `--help`, and what is wrong with the arguments or the
 * answer.
 */
export async function clientCommand<Values extends ClientValues>(
  { usage, read, env, timeoutMs, needsAction = false }: ClientCommand<Values>,
  run: (given: ClientRun<Values>) => Promise<CommandResult>,
): Promise<CommandResult> {
  let client: GatewayClient | undefined
  try {
    const { values, positionals } = read()
    if (values.help) return { output: usage, exitCode: 0 }
    if (needsAction && positionals.length === 0) return { output: usage, exitCode: 3 }
    const connect = () => {
      client = createClient(values, env, timeoutMs)
      return client
    }
    return await run({ values, positionals, connect })
  } catch (error) {
    if (error instanceof GatewayClientError)
      return { output: `${client?.url}: ${error.message}\n`, exitCode: exitCodes[error.kind] }
    return { output: `${error instanceof Error ? error.message : String(error)}\nTry --help.\n`, exitCode: 3 }
  }
}

/** The object that an admin route answers with. @throws GatewayClientError if it is none */
export function objectOf(answer: unknown): Record<string, unknown> {
  if (!isRecord(answer)) throw new GatewayClientError('unexpected', 'this is not a gateway')
  return answer
}

export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
