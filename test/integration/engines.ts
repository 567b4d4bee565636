import { testThreads } from '../support/gateway.ts'

/** What carries requests to endpoints, by the name that tests use, with its settings of `proxy`. */
const settings: Readonly<Record<string, { readonly engine: string; readonly http_client?: string }>> = {
  olla: { engine: 'olla' },
  'olla by undici': { engine: 'olla', http_client: 'undici' },
  sherpa: { engine: 'sherpa' },
}

/**
 * The engines that share every test of the proxy. An engine knows nothing of other threads: there, one is enough. What
 * `olla` does with undici, `sherpa` does with the same connections; `npm run test:clients` takes both.
 */
export const engines: readonly string[] =
  testThreads > 1
    ? ['olla']
    : process.env.GATEWAY_TEST_TRANSPORTS === 'all'
      ? Object.keys(settings)
      : ['olla', 'sherpa']

/** @returns settings of `proxy` */
export function engineOf(engine: string): Readonly<Record<string, unknown>> {
  const found = settings[engine]
  if (found === undefined) throw new Error(`no engine is called ${engine}`)
  return found
}
