import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { keySources } from '../../config/schema/key-sources.ts'
import { breakerStates } from '../../kernel/breaker-state.ts'
import { sessionOutcomes, sessionReasons } from '../../routing/affinity/session-affinity.ts'
import { Choice, Count, EndpointStatusField, Text } from '../views/fields.ts'

const orNull = <T extends TSchema>(schema: T, description: string) =>
  Type.Union([schema, Type.Null()], { description })
const nameOrNull = (description: string) => orNull(Type.String(), description)
const numberOrNull = (description: string) => orNull(Type.Number(), description)

/** Inputs of a routing decision for one endpoint. */
export const EndpointExplanationSchema = Type.Object({
  endpoint: Type.String(),
  chosen: Type.Boolean(),
  reason: Text('Why it was chosen, or why not.'),
  translation: nameOrNull(
    'The APIs of client and endpoint if the request would be translated, such as `responses to chat`.',
  ),
  native_model: nameOrNull('The name it has for the model; null where it does not serve the request.'),
  status: EndpointStatusField,
  circuit: Choice(breakerStates),
  priority: Type.Integer(),
  weight: Type.Number(),
  share: Type.Number({ description: 'Part of the weight that counts now, 0 to 1.' }),
  in_flight: Count(),
  max_concurrent: Count('0 is no limit.'),
  failure_penalty: Type.Number({ description: 'Requests that recent failures count for.' }),
  warm: orNull(Type.Boolean(), 'Whether it holds the model in memory; null where no server says.'),
  cost: numberOrNull(
    'What least-connections compares: the lowest of the highest tier wins. Null where it could not be chosen.',
  ),
})

/** The session of a request and its effect. */
export const SessionExplanationSchema = Type.Object({
  outcome: Choice(sessionOutcomes),
  reason: Choice(sessionReasons),
  key_source: orNull(Choice(keySources), 'Null where the request has no key.'),
  depth: nameOrNull('Of a conversation, how many of its messages are known: `6/8`.'),
  bound_to: nameOrNull('The endpoint that the session is bound to.'),
  load: numberOrNull('What that endpoint has to do; null where it cannot take the request.'),
  load_limit: numberOrNull('From which load on it gets nothing more for a session; null for no bound.'),
  preferred: nameOrNull('Who is asked first; null leaves it to the balancer.'),
})

export const ExplanationSchema = Type.Object({
  model: nameOrNull('Null where the request names none.'),
  strategy: nameOrNull('As in `X-Olla-Routing-Strategy`.'),
  decision: Text('As in `X-Olla-Routing-Decision`.'),
  reason: Text('As in `X-Olla-Routing-Reason`.'),
  balancer: Type.String(),
  chosen: nameOrNull(
    'The endpoint; null where none can take the request, or a host’s selector cannot be asked.',
  ),
  would_refresh: Type.Boolean({ description: 'Whether the endpoints would be asked for the model first.' }),
  session: orNull(SessionExplanationSchema, 'Null while sessions are off.'),
  endpoints: Type.Array(EndpointExplanationSchema),
})

export type EndpointExplanation = Static<typeof EndpointExplanationSchema>
export type SessionExplanation = Static<typeof SessionExplanationSchema>
export type Explanation = Static<typeof ExplanationSchema>
