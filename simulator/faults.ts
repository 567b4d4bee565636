/**
 * What a simulated server does wrong.
 *
 * - `refuse`: the listener is closed until the faults are cleared
 * - `hang`: the request is never answered
 * - `delay`: the first byte comes `delayMs` later
 * - `drip`: the answer comes byte by byte, `delayMs` apart
 * - `reset_before_headers`, `close_before_headers`: the connection ends instead of an answer
 * - `reset_after_headers`: the connection is reset behind the head
 * - `die`: the connection ends after `chunks` parts of the answer
 * - `truncate`: the answer announces more than it brings
 * - `status`: answers `status`, with `body` and `retryAfter`
 * - `malformed`: answers what is not JSON
 * - `health`: the health route answers `status` (503), everything else works
 */
export const faultKinds = [
  'refuse',
  'hang',
  'delay',
  'drip',
  'reset_before_headers',
  'close_before_headers',
  'reset_after_headers',
  'die',
  'truncate',
  'status',
  'malformed',
  'health',
] as const

export type FaultKind = (typeof faultKinds)[number]

export interface Fault {
  readonly kind: FaultKind
  /** Requests it hits; all by default. */
  readonly times?: number
  /** Beginning of the paths it hits; inference routes by default, not lists and health. */
  readonly path?: string
  readonly status?: number
  readonly body?: string
  readonly retryAfter?: string
  readonly delayMs?: number
  readonly chunks?: number
}

/** Routes that a fault without a path leaves alone, so that a server can be healthy and broken. */
const listRoutes =
  /^\/(?:$|health|version|props|slots|metrics|get_model_info|is_sleeping|(?:api\/)?v[01]\/models|engines\/v1\/models|api\/(?:tags|version|ps|show)|api\/v1\/health)/

export class FaultPlan {
  #faults: { fault: Fault; left: number }[] = []

  get active(): readonly Fault[] {
    return this.#faults.map(({ fault }) => fault)
  }

  set(fault: Fault): void {
    this.#faults.push({ fault, left: fault.times ?? Number.POSITIVE_INFINITY })
  }

  clear(): void {
    this.#faults = []
  }

  /** The fault that hits this request, counted down. */
  take(path: string, isHealthRoute: boolean): Fault | undefined {
    const index = this.#faults.findIndex(({ fault }) => hits(fault, path, isHealthRoute))
    const entry = this.#faults[index]
    if (entry === undefined) return undefined
    entry.left--
    if (entry.left <= 0) this.#faults.splice(index, 1)
    return entry.fault
  }
}

function hits(fault: Fault, path: string, isHealthRoute: boolean): boolean {
  if (fault.kind === 'refuse') return false
  if (fault.kind === 'health') return isHealthRoute
  return fault.path === undefined ? !listRoutes.test(path) : path.startsWith(fault.path)
}

/** @returns undefined where a value is no fault */
export function readFault(value: unknown): Fault | undefined {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return undefined
  const kind = faultKinds.find((each) => each === value.kind)
  return kind === undefined ? undefined : { ...(value as Omit<Fault, 'kind'>), kind }
}
