import { testThreads } from '../support/gateway.ts'

/** The engines that share every test of the proxy. An engine knows nothing of other threads: there, one is enough. */
export const engines = testThreads > 1 ? (['olla'] as const) : (['olla', 'sherpa'] as const)
