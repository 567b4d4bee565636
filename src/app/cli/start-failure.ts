import { isRecord } from '../../config/file/decode.ts'
import type { ServerConfig } from '../../config/schema/schema.ts'

/** @returns one sentence if the listener cannot be opened; undefined for any other error */
export function listenFailure(
  error: unknown,
  { host, port }: Pick<ServerConfig, 'host' | 'port'>,
): string | undefined {
  if (!(error instanceof Error)) return undefined
  const code = isRecord(error) || 'code' in error ? String(Reflect.get(error, 'code')) : ''
  const known = [...reasons].find(([each]) => code === each || error.message.includes(each))
  return known?.[1](host, port)
}

/** The code may be in text from another thread. */
const reasons: ReadonlyMap<string, (host: string, port: number) => string> = new Map([
  ['EADDRINUSE', (host, port) => `port ${port} on ${host} is in use; choose another with --port`],
  [
    'EADDRNOTAVAIL',
    (host) => `${host} is not an address of this machine; choose another with --host, or 0.0.0.0 for all`,
  ],
  [
    'EACCES',
    (host, port) =>
      `port ${port} on ${host} may not be opened by this user; choose one above 1023 with --port`,
  ],
  ['ENOTFOUND', (host) => `the host name ${host} is not known; choose another with --host`],
  ['EAI_AGAIN', (host) => `the host name ${host} cannot be resolved now; choose another with --host`],
  [
    'EAFNOSUPPORT',
    (host) => `this machine has no addresses of the kind of ${host}; choose another with --host`,
  ],
])
