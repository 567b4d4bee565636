/** The engines that share every test of the proxy. */
export const engines = ['olla', 'sherpa'] as const
