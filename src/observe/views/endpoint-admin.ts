import { type Static, Type } from '@sinclair/typebox'
import type { OverlayResult, OverlayStatus } from '../../endpoints/overlay/overlay-topics.ts'
import { Choice, Count, Text } from './fields.ts'

const Settings = Type.Record(Type.String(), Type.Unknown(), {
  description: 'Keys of an endpoint as in the configuration file, secrets masked.',
})

export const ManagedEndpointSchema = Type.Object({
  name: Text(),
  source: Choice(['configured', 'added']),
  changed: Type.Array(Type.String(), { description: 'Keys that an operator has changed.' }),
  status: Text(),
  in_flight: Count(),
  settings: Settings,
})

export const ManagedEndpointsSchema = Type.Object({
  config_version: Count('Also as ETag; send it in If-Match to change only this version.'),
  endpoints: Type.Array(ManagedEndpointSchema),
  removed: Type.Array(Type.String(), {
    description: 'Endpoints of the configuration that an operator has removed.',
  }),
})

export const EndpointChangeSchema = Type.Object({
  endpoint: Text(),
  outcome: Choice(['applied', 'unchanged']),
  config_version: Count(),
  dry_run: Type.Boolean(),
  changes: Type.Array(Type.Object({ key: Type.String(), before: Type.Unknown(), after: Type.Unknown() })),
  warning: Type.Union([Type.String(), Type.Null()], {
    description: 'Why the change lasts only until the gateway stops, though there is a state file.',
  }),
})

export const EndpointActionSchema = Type.Object({ endpoint: Text(), status: Text() })

/** Name, keys and what an operator may send for them. */
export const EndpointBodySchema = Type.Record(Type.String(), Type.Unknown(), {
  description:
    'Keys of an endpoint as in the configuration file. In a change, null returns a key to its default.',
})

export function managedEndpointsView(
  { version, endpoints, removed }: OverlayStatus,
  stateOf: (name: string) => { readonly status: string; readonly inFlight: number },
): Static<typeof ManagedEndpointsSchema> {
  return {
    config_version: version,
    endpoints: endpoints.map(({ name, source, changedKeys, settings }) => {
      const { status, inFlight } = stateOf(name)
      return {
        name,
        source,
        changed: [...changedKeys],
        status,
        in_flight: inFlight,
        settings: { ...settings },
      }
    }),
    removed: [...removed],
  }
}

export function endpointChangeView(
  { name, outcome, version, changes, notKept }: Extract<OverlayResult, { readonly name: string }>,
  dryRun: boolean,
): Static<typeof EndpointChangeSchema> {
  return {
    endpoint: name,
    outcome,
    config_version: version,
    dry_run: dryRun,
    changes: changes.map(({ key, before, after }) => ({ key, before: before ?? null, after: after ?? null })),
    warning: notKept === undefined ? null : `server.state_file cannot be written: ${notKept}`,
  }
}
