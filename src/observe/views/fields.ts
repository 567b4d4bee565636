import { Type } from '@sinclair/typebox'
import { breakerStates } from '../../kernel/breaker-state.ts'
import { endpointStatuses } from '../../kernel/endpoint-status.ts'

/**
 * Building blocks of the response schemas. Fastify serializes answers with these schemas, so they match the answers.
 */

export const Text = (description?: string) => Type.String(description === undefined ? {} : { description })
/** A text that is never omitted. */
export const NullableText = (description?: string) =>
  Type.Unsafe<string | null>({
    type: ['string', 'null'],
    ...(description === undefined ? {} : { description }),
  })
export const Count = (description?: string) =>
  Type.Integer({ minimum: 0, ...(description === undefined ? {} : { description }) })
export const Milliseconds = (description = 'Milliseconds.') => Type.Integer({ minimum: 0, description })
export const Time = (description = 'RFC 3339.') => Type.String({ format: 'date-time', description })
export const Percentage = () => Type.String({ description: '`0%`, `98.7%`, `100%`; `N/A` before the first.' })
export const Latency = () => Type.String({ description: '`0ms`, `250ms`, `1.5s`.' })
export const ByteText = () => Type.String({ description: '`0 B`, `13.38 KB`; 1 KB is 1024 bytes.' })
export const Ago = () => Type.String({ description: '`17s ago`, `never`.' })

export function Choice<const T extends readonly string[]>(values: T, description?: string) {
  return Type.Unsafe<T[number]>({
    type: 'string',
    enum: [...values],
    ...(description === undefined ? {} : { description }),
  })
}

export const EndpointStatusField = Choice(endpointStatuses)

export const BreakerField = Type.Object(
  {
    state: Choice(breakerStates),
    reason: Text('Why the circuit is in this state; empty before the first transition.'),
    since: Type.Optional(Time('Last transition.')),
    retry_at: Type.Optional(Time('When an open circuit allows a trial request.')),
  },
  { description: 'Circuit breaker (beyond Olla).' },
)

type Present<T> = { [Key in keyof T]: Exclude<T[Key], undefined> }

/** Returns the fields that have a value: an absent field is omitted from an answer, not null. */
export function present<T extends Record<string, unknown>>(fields: T): Partial<Present<T>> {
  const kept: Partial<Present<T>> = {}
  for (const key in fields) {
    const value = fields[key]
    if (value !== undefined) kept[key] = value as Present<T>[typeof key]
  }
  return kept
}
