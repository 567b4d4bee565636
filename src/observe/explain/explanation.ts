import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { keySources } from '../../config/schema/key-sources.ts'
import { breakerStates } from '../../kernel/breaker-state.ts'
import { sessionOutcomes, sessionReasons } from '../../routing/affinity/session-affinity.ts'
import { EngineField } from '../views/engine.ts'
import { EstimateField } from '../views/estimate.ts'
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
  streamed_upstream: Type.Boolean({
    description: 'Whether it would be asked for a stream that the client does not request.',
  }),
  native_model: nameOrNull('Its name for the model; null if it does not serve the request.'),
  status: EndpointStatusField,
  circuit: Choice(breakerStates),
  priority: Type.Integer(),
  weight: Type.Number(),
  share: Type.Number({ description: 'Effective part of the weight, 0 to 1.' }),
  in_flight: Count(),
  max_concurrent: Count('0 is no limit.'),
  failure_penalty: Type.Number({
    description: 'Number of requests by which recent failures raise the cost.',
  }),
  warm: orNull(Type.Boolean(), 'Whether it has the model in memory; null if unknown.'),
  cost: numberOrNull(
    'What least-connections compares: the lowest of the highest tier wins. Null if it could not be chosen.',
  ),
  estimate: orNull(
    EstimateField,
    'What `expected-latency` compares: the lowest of the highest tier wins, adjusted for weights and failures. Null if nothing estimates, or if it does not serve the request.',
  ),
  engine: orNull(EngineField, 'What its engine reports; null if nothing.'),
})

/** The session of a request and its effect. */
export const SessionExplanationSchema = Type.Object({
  outcome: Choice(sessionOutcomes),
  reason: Choice(sessionReasons),
  key_source: orNull(Choice(keySources), 'Null if the request has no key.'),
  depth: nameOrNull('For a conversation, the number of known messages: `6/8`.'),
  bound_to: nameOrNull('The endpoint that the session is bound to.'),
  load: numberOrNull('The load of that endpoint; null if it cannot accept the request.'),
  load_limit: numberOrNull('Load from which it accepts no more requests for a session; null if unlimited.'),
  preferred: nameOrNull('The preferred endpoint; null if the balancer decides.'),
})

export const ExplanationSchema = Type.Object({
  model: nameOrNull('Null if the request names none.'),
  strategy: nameOrNull('As in `X-Olla-Routing-Strategy`.'),
  decision: Text('As in `X-Olla-Routing-Decision`.'),
  reason: Text('As in `X-Olla-Routing-Reason`.'),
  balancer: Type.String(),
  chosen: nameOrNull(
    'The endpoint; null if none can accept the request, or a host’s selector has no dry run.',
  ),
  would_refresh: Type.Boolean({ description: 'Whether the model lists would be refreshed first.' }),
  session: orNull(SessionExplanationSchema, 'Null while sessions are off.'),
  hedging: orNull(
    Type.Object({
      after_ms: numberOrNull(
        'When a second attempt would begin, from when the first was sent; null until enough is known.',
      ),
      samples: Count('Known times to the first content of the model.'),
      budget: Count('Second attempts that the budget allows now.'),
    }),
    'Null while hedging is off, or if the request names no model.',
  ),
  endpoints: Type.Array(EndpointExplanationSchema),
})

export type EndpointExplanation = Static<typeof EndpointExplanationSchema>
export type SessionExplanation = Static<typeof SessionExplanationSchema>
export type Explanation = Static<typeof ExplanationSchema>
