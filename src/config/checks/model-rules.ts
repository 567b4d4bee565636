import type { Problem } from '../schema/diagnostics.ts'
import type { GatewayConfig } from '../schema/schema.ts'

/** Problems of `models` that the schema cannot express. */
export function checkModelRules({ models, discovery }: GatewayConfig): Problem[] {
  const names = discovery.static.endpoints.map(({ name, url }) =>
    (name ?? (URL.canParse(url) ? new URL(url).host : '')).toLowerCase(),
  )
  const warnUnknown = (list: 'keep_warm' | 'unload_after', index: number, endpoints: readonly string[]) =>
    endpoints.flatMap((name, at): Problem[] =>
      /[*?]/.test(name) || names.includes(name.toLowerCase())
        ? []
        : [
            {
              // A provider may find it later.
              severity: 'warning',
              path: ['models', list, index, 'endpoints', at],
              message: `there is no endpoint "${name}" in this file`,
            },
          ],
    )
  return [
    ...models.keep_warm.flatMap(({ endpoints, hours, time_zone: zone }, index): Problem[] => {
      const path = (key: string) => ['models', 'keep_warm', index, key]
      const [from, to] = hours.split('-')
      return [
        ...warnUnknown('keep_warm', index, endpoints),
        ...(hours !== '' && from === to
          ? [{ severity: 'error', path: path('hours'), message: 'begins and ends at the same time' } as const]
          : []),
        ...(zone === '' || isTimeZone(zone)
          ? []
          : [
              {
                severity: 'error',
                path: path('time_zone'),
                message: `"${zone}" is not a time zone; use a name such as Europe/Berlin`,
              } as const,
            ]),
      ]
    }),
    ...models.unload_after.flatMap(({ endpoints }, index) => warnUnknown('unload_after', index, endpoints)),
  ]
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}
