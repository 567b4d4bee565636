import { type Static, Type } from '@sinclair/typebox'
import type { DiscoveredModel } from '../../endpoints/discovery/discovered-model.ts'
import {
  type OperationKind,
  type OperationView,
  operationKinds,
  operationStates,
  type StartedOperations,
} from '../../endpoints/operations/contract/operation.ts'
import { type RuleView, ruleStates } from '../../endpoints/operations/contract/rule-views.ts'
import type { OperationsStatus } from '../../endpoints/operations/contract/topics.ts'
import { formatTime } from '../../kernel/format.ts'
import { Choice, NullableText, Text, Time } from './fields.ts'

const NullableCount = (description: string) =>
  Type.Unsafe<number | null>({ type: ['integer', 'null'], minimum: 0, description })

const Query = (description: string) => Type.Optional(Type.Unsafe<string | string[]>({ description }))

/** The routes read the values themselves. */
export const operationQuery = Type.Object({
  endpoint: Query(
    'Name or glob of an endpoint; several times, or with commas, for several. Without it, `load` and `pull` run at the endpoint with the most room, the others at all that have the model.',
  ),
  force: Query('`true`: although requests are in flight there.'),
  wait: Query('How long to wait for the end, as `60s`; at most 1h.'),
  keep_alive: Query('How long Ollama keeps the model: seconds or a duration; below 0 for ever.'),
  level: Query('Of `sleep`: 1 keeps the weights in main memory, 2 discards them.'),
  adapter: Query('Name of the LoRA adapter.'),
  path: Query('Where the engine finds the adapter.'),
})

export const OperationSchema = Type.Object({
  id: Text(),
  operation: Choice(operationKinds),
  endpoint: Text(),
  model: Text('As the endpoint spells it.'),
  adapter: NullableText('LoRA adapter.'),
  state: Choice(operationStates),
  detail: Text('What the engine does now, or how it ended.'),
  completed: NullableCount('Bytes, where the engine reports them.'),
  total: NullableCount('Bytes, where the engine reports them.'),
  by: Text('Who asked for it: an address, or the name of a rule.'),
  started_at: Time(),
  ended_at: NullableText('RFC 3339.'),
})

export const StartedOperationsSchema = Type.Object({
  operations: Type.Array(OperationSchema, { description: 'Begun, or under way before.' }),
  refused: Type.Array(Type.Object({ endpoint: NullableText(), code: Text(), reason: Text() }), {
    description: 'Endpoints at which nothing was begun.',
  }),
})

const RuleSchema = Type.Object({
  rule: Choice(['keep_warm', 'unload_after']),
  index: Type.Integer({ description: 'Place in the list of the configuration, from 0.' }),
  model: Text(),
  endpoint: Text(),
  state: Choice(ruleStates),
  detail: Text(),
  next_at: NullableText('When it is tried again; RFC 3339.'),
})

export const OperationsSchema = Type.Object({
  operations: Type.Array(OperationSchema, { description: 'Newest first; the last 200 that ended are kept.' }),
  rules: Type.Array(RuleSchema, { description: 'Rules of `models`, for each model and endpoint.' }),
})

export const EndpointModelsSchema = Type.Object({
  endpoints: Type.Array(
    Type.Object({
      endpoint: Text(),
      type: NullableText('Backend type; null until it is known.'),
      operations: Type.Array(Choice(operationKinds), { description: 'What it can.' }),
      models: Type.Array(
        Type.Object({
          model: Text(),
          state: Choice(['loaded', 'not-loaded', 'unknown']),
          memory_bytes: NullableCount('Of a model in memory, where the engine reports it.'),
          expires_at: NullableText('When the engine unloads it by itself; RFC 3339.'),
        }),
      ),
    }),
  ),
})

export function operationView(operation: OperationView): Static<typeof OperationSchema> {
  const { id, kind, endpoint, model, adapter, state, detail, completed, total, by } = operation
  return {
    id,
    operation: kind,
    endpoint,
    model,
    adapter: adapter ?? null,
    state,
    detail,
    completed: completed ?? null,
    total: total ?? null,
    by,
    started_at: formatTime(operation.startedAtMs),
    ended_at: operation.endedAtMs === undefined ? null : formatTime(operation.endedAtMs),
  }
}

export function startedView({
  operations,
  refused,
}: StartedOperations): Static<typeof StartedOperationsSchema> {
  return {
    operations: operations.map(operationView),
    refused: refused.map(({ endpoint, code, reason }) => ({ endpoint: endpoint ?? null, code, reason })),
  }
}

export function operationsView({ operations, rules }: OperationsStatus): Static<typeof OperationsSchema> {
  return { operations: operations.map(operationView), rules: rules.map(ruleView) }
}

export interface EndpointModelsSource {
  readonly endpoint: string
  readonly type: string | undefined
  readonly kinds: readonly OperationKind[]
  readonly isAlwaysLoaded: boolean
  readonly models: readonly DiscoveredModel[]
}

export function endpointModelsView(
  sources: readonly EndpointModelsSource[],
): Static<typeof EndpointModelsSchema> {
  return {
    endpoints: sources.map(({ endpoint, type, kinds, isAlwaysLoaded, models }) => ({
      endpoint,
      type: type ?? null,
      operations: [...kinds],
      models: models.map(({ name, state, memory }) => ({
        model: name,
        state: state ?? (isAlwaysLoaded ? 'loaded' : 'unknown'),
        memory_bytes: memory?.vramBytes ?? memory?.sizeBytes ?? null,
        expires_at: memory?.expiresAt ?? null,
      })),
    })),
  }
}

function ruleView({ nextAtMs, ...rule }: RuleView): Static<typeof RuleSchema> {
  return { ...rule, next_at: nextAtMs === undefined ? null : formatTime(nextAtMs) }
}
