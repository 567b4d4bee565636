import { readFileSync } from 'node:fs'
import { GatewayClient } from './gateway-client.ts'

/** Options of the commands that query a running gateway. */
export const clientOptions = {
  url: { type: 'string' },
  token: { type: 'string' },
  'token-file': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

export const clientUsage = `  --url URL             the gateway (else OLLA_GATEWAY_URL, else http://localhost:40114)
  --token TOKEN         its dashboard.admin_token (else OLLA_GATEWAY_TOKEN); other processes can read an
                        argument, so rather use the variable or
  --token-file FILE     a file that holds it`

export interface ClientArguments {
  readonly url?: string | undefined
  readonly token?: string | undefined
  readonly 'token-file'?: string | undefined
}

type Env = Readonly<Record<string, string | undefined>>

/** @throws Error with a message for display */
export function createClient(values: ClientArguments, env: Env, timeoutMs: number): GatewayClient {
  const url = values.url ?? nonEmpty(env.OLLA_GATEWAY_URL) ?? 'http://localhost:40114'
  if (!URL.canParse(url) || !/^https?:/.test(url)) throw new Error(`not an http or https URL: ${url}`)
  const file = values['token-file']
  const token = values.token ?? (file === undefined ? nonEmpty(env.OLLA_GATEWAY_TOKEN) : readToken(file))
  return new GatewayClient({ url, token, timeoutMs })
}

function readToken(file: string): string {
  let token: string
  try {
    token = readFileSync(file, 'utf8').trim()
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const reason =
      code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a directory' : code
    throw new Error(`--token-file ${file} cannot be read: ${reason}`)
  }
  if (token === '') throw new Error(`--token-file ${file} is empty`)
  return token
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}
