import { type Static, type TObject, type TSchema, Type } from '@sinclair/typebox'
import { checkCaller } from '../../config/checks/caller-rules.ts'
import { isRecord } from '../../config/file/decode.ts'
import { decoderOf, problemsOfValue } from '../../config/file/validate.ts'
import { ConfigKeySchema, ConfigOwnerSchema, ConfigTeamSchema } from '../../config/schema/callers-schema.ts'
import { dotted } from '../../config/schema/diagnostics.ts'
import { GatewayError } from '../../kernel/errors.ts'

/** What a client writes to create a key. */
export const KeyInput = Type.Omit(ConfigKeySchema, ['hash'], { additionalProperties: false })
export const TeamInput = ConfigTeamSchema
export const OwnerInput = ConfigOwnerSchema
export const RotateInput = Type.Object(
  {
    overlap_seconds: Type.Integer({
      default: 86_400,
      minimum: 0,
      maximum: 31_536_000,
      description: 'Time for which the secret before is accepted.',
    }),
  },
  { additionalProperties: false },
)

export type KeyInput = Static<typeof KeyInput>
export type TeamInput = Static<typeof TeamInput>
export type OwnerInput = Static<typeof OwnerInput>

/** Where the configuration has the same fields, for hints in messages. */
const places = { key: 'keys', team: 'teams', owner: 'owners' } as const
export type InputKind = keyof typeof places

/**
 * Validates a body against its schema and fills in defaults.
 * @throws GatewayError invalid_request that names each wrong field
 */
export function readInput<S extends TSchema>(schema: S, kind: InputKind, body: unknown): Static<S> {
  const prefix = ['callers', places[kind], 0]
  const problems = problemsOfValue(schema, body, prefix)
  if (problems.length === 0) problems.push(...checkCaller(body, prefix))
  if (problems.length > 0)
    throw invalid(problems.map(({ path, message }) => [path.slice(prefix.length), message]))
  return decoderOf(schema)(body)
}

/**
 * Validates a change: any of the fields, each of which replaces the whole field of a record.
 * @throws GatewayError invalid_request
 */
export function readChange<S extends TObject>(
  schema: S,
  kind: InputKind,
  record: Static<S>,
  body: unknown,
): Static<S> {
  if (!isRecord(body)) throw invalid([[[], 'must be a JSON object']])
  const current: object = isRecord(record) ? record : {}
  return readInput(schema, kind, withoutNulls({ ...current, ...body }, schema.properties))
}

/** Names of the fields that differ, for the audit. */
export function changedFields(before: object, after: object): string[] {
  const old: Readonly<Record<string, unknown>> = { ...before }
  const now: Readonly<Record<string, unknown>> = { ...after }
  const names = [...new Set([...Object.keys(old), ...Object.keys(now)])]
  return names.filter((name) => JSON.stringify(old[name]) !== JSON.stringify(now[name])).sort()
}

/** A field that is null is removed, except an unknown one, which the validation then reports. */
function withoutNulls(value: Readonly<Record<string, unknown>>, known: object): Record<string, unknown> {
  const kept = Object.entries(value).filter(
    ([name, each]) => each !== undefined && (each !== null || !Object.hasOwn(known, name)),
  )
  return Object.fromEntries(kept)
}

function invalid(
  problems: readonly (readonly [path: readonly (string | number)[], message: string])[],
): GatewayError {
  const texts = problems.map(([path, message]) =>
    path.length === 0 ? `The body ${message}` : `${dotted(path)}: ${message}`,
  )
  const [first] = problems
  return new GatewayError('invalid_request', texts.join('; '), {
    details: { param: first === undefined ? '' : dotted(first[0]) },
  })
}
