import type { LoadedConfig } from '../../config/load.ts'
import { version } from '../../kernel/package.ts'

/** Message for the user once the gateway serves. */
export function welcome(
  address: string,
  { config, file, skippedFiles }: LoadedConfig,
  isDemo: boolean,
): string {
  const { endpoints } = config.discovery.static
  const ignored = skippedFiles.length > 0 ? ` (not ${skippedFiles.join(', ')})` : ''
  const lines = [
    `olla-gateway ${version} listening on ${address}`,
    `  configuration: ${isDemo ? 'demo' : (file ?? 'none')}${ignored}, engine ${config.proxy.engine}, ${config.proxy.load_balancer}`,
    ...endpoints.map(({ name, url, type }) => `  endpoint: ${name ?? shown(url)} (${type}) ${shown(url)}`),
    ...(config.dashboard.enabled ? [`  dashboard: ${address}/internal/ui/`] : []),
  ]
  if (!isDemo) return lines.join('\n')
  return [
    ...lines,
    '',
    'Try:',
    `  curl ${address}/internal/status/endpoints`,
    `  curl -N ${address}/v1/chat/completions -H 'content-type: application/json' \\`,
    `    -d '{"model":"llama3.2:3b","stream":true,"messages":[{"role":"user","content":"hello"}]}'`,
    `  curl ${address}/api/chat -H 'content-type: application/json' \\`,
    `    -d '{"model":"llama3.2:3b","messages":[{"role":"user","content":"hello"}]}'`,
    'Take an endpoint down for half a minute and ask again:',
    `  curl -X POST ${endpoints[0]?.url ?? ''}/__simulator/faults -H 'content-type: application/json' -d '{"kind":"refuse","forMs":30000}'`,
  ].join('\n')
}

/** Removes the query, which may contain a key. */
function shown(url: string): string {
  return url.replace(/\?.*$/s, '')
}
