import { type Static, type TObject, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'

const count = (description: string) => Type.Optional(Type.Integer({ minimum: 1, description }))
const milliseconds = (description: string) =>
  Type.Optional(Type.Integer({ minimum: 0, maximum: 3_600_000, description }))

const scope = {
  times: count('Number of requests that it affects; default all.'),
  path: Type.Optional(
    Type.String({
      description:
        'Prefix of affected paths, "/" for all. Default: inference routes, not lists and health, so that a server can be healthy and broken.',
    }),
  ),
  probability: Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: 1,
      description: 'Share of these requests that it affects; default 1.',
    }),
  ),
}

const status = {
  status: Type.Optional(Type.Integer({ minimum: 200, maximum: 599, description: 'Default 503.' })),
  body: Type.Optional(Type.String({ description: 'Default a JSON error.' })),
  retryAfter: Type.Optional(
    Type.Union([Type.String(), Type.Integer({ minimum: 0 })], { description: 'Value of Retry-After.' }),
  ),
  headers: Type.Optional(Type.Record(Type.String(), Type.String())),
}

function fault<K extends string, P extends Parameters<typeof Type.Object>[0]>(
  kind: K,
  description: string,
  properties: P,
) {
  return Type.Object(
    { kind: Type.Literal(kind), ...properties },
    { additionalProperties: false, description },
  )
}

/** Faults that a simulated server supports. */
export const faultSchemas = {
  refuse: fault('refuse', 'No listener and no connections, until the faults are cleared.', {
    forMs: milliseconds('Time until it listens again; default never.'),
  }),
  hang: fault('hang', 'The request is never answered.', scope),
  slow_reader: fault('slow_reader', 'The body is read slowly.', {
    ...scope,
    delayMs: milliseconds('Before each read of up to 64 KiB; default 50.'),
  }),
  delay: fault('delay', 'The first byte is delayed.', {
    ...scope,
    delayMs: milliseconds('Default 1000.'),
  }),
  drip: fault('drip', 'The answer is sent byte by byte.', {
    ...scope,
    delayMs: count('Milliseconds between two bytes; default 5.'),
  }),
  reset_before_headers: fault('reset_before_headers', 'The connection is reset instead of an answer.', scope),
  close_before_headers: fault(
    'close_before_headers',
    'The connection is closed instead of an answer.',
    scope,
  ),
  reset_after_headers: fault('reset_after_headers', 'The connection is reset after the head.', scope),
  die: fault('die', 'The connection is closed in the middle of the answer.', {
    ...scope,
    chunks: count('Chunks of a stream to send first; default 1. Of a complete body, half is sent.'),
  }),
  truncate: fault(
    'truncate',
    'All text of the answer is sent, but not the end that its framing requires.',
    scope,
  ),
  status: fault('status', 'Answers with another status.', { ...scope, ...status }),
  health: fault('health', 'The health route answers with another status; everything else works.', {
    times: scope.times,
    probability: scope.probability,
    ...status,
  }),
  malformed: fault('malformed', 'The answer is complete, but its JSON is invalid.', scope),
}

export type FaultKind = keyof typeof faultSchemas
type FaultOf<K extends FaultKind> = Readonly<Static<(typeof faultSchemas)[K]>>
export type Fault = { [K in FaultKind]: FaultOf<K> }[FaultKind]

/** Faults that apply to one request at the same time: while it is read, before the answer, and as the answer. */
export interface FaultsOfRequest {
  readonly reading: FaultOf<'slow_reader'> | undefined
  readonly waiting: FaultOf<'delay'> | undefined
  readonly answering: AnswerFault | undefined
}
export type AnswerFault = Exclude<Fault, { kind: 'slow_reader' | 'delay' | 'refuse' }>

/** The path of a request, and whether it is inference. */
export interface FaultTarget {
  readonly path: string
  readonly isHealthRoute: boolean
  readonly isInference: boolean
}

interface Entry {
  readonly fault: Fault
  left: number
}

/** The active faults, each with its remaining number of requests. */
export class FaultPlan {
  #entries: Entry[] = []
  readonly #random: () => number

  constructor(random: () => number = Math.random) {
    this.#random = random
  }

  get active(): readonly Fault[] {
    return this.#entries.map(({ fault }) => fault)
  }

  add(fault: Fault): void {
    const times = 'times' in fault ? fault.times : undefined
    this.#entries.push({ fault, left: times ?? Number.POSITIVE_INFINITY })
  }

  remove(kind: FaultKind): void {
    this.#entries = this.#entries.filter(({ fault }) => fault.kind !== kind)
  }

  clear(): void {
    this.#entries = []
  }

  /** Takes the faults for this request and counts them down: for each phase the one that was set first. */
  take(target: FaultTarget): FaultsOfRequest {
    let reading: FaultsOfRequest['reading']
    let waiting: FaultsOfRequest['waiting']
    let answering: FaultsOfRequest['answering']
    for (const entry of this.#entries) {
      const { fault } = entry
      if (fault.kind === 'refuse' || !this.#hits(fault, target)) continue
      if (fault.kind === 'slow_reader') {
        if (reading !== undefined) continue
        reading = fault
      } else if (fault.kind === 'delay') {
        if (waiting !== undefined) continue
        waiting = fault
      } else {
        if (answering !== undefined) continue
        answering = fault
      }
      entry.left--
    }
    this.#entries = this.#entries.filter(({ left }) => left > 0)
    return { reading, waiting, answering }
  }

  #hits(fault: Exclude<Fault, { kind: 'refuse' }>, target: FaultTarget): boolean {
    const isMeant =
      fault.kind === 'health'
        ? target.isHealthRoute
        : fault.path === undefined
          ? target.isInference
          : target.path.startsWith(fault.path)
    // Draws a random number only if the fault could apply, so that a seeded sequence is predictable.
    return isMeant && (fault.probability === undefined || this.#random() < fault.probability)
  }
}

/** An invalid fault; the message names the wrong field. */
export class FaultError extends Error {
  override readonly name = 'FaultError'
}

/** @throws FaultError */
export function readFault(value: unknown): Fault {
  const kind = typeof value === 'object' && value !== null && 'kind' in value ? value.kind : undefined
  const schema = typeof kind === 'string' && isFaultKind(kind) ? faultSchemas[kind] : undefined
  if (schema === undefined) {
    throw new FaultError(`a fault needs a "kind", one of ${Object.keys(faultSchemas).join(', ')}`)
  }
  if (isFault(schema, value)) return value
  const problem = Value.Errors(schema, value).First()
  throw new FaultError(`${problem?.path ?? ''}: ${problem?.message ?? 'not valid'}`)
}

function isFaultKind(kind: string): kind is FaultKind {
  return Object.hasOwn(faultSchemas, kind)
}

function isFault(schema: TObject, value: unknown): value is Fault {
  return Value.Check(schema, value)
}
