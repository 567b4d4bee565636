import type { Gauge } from '../../kernel/cells/gauge.ts'
import type { PlaceLimits } from '../selection/place-limits.ts'
import { type ReservedShares, usablePlaces } from '../selection/place-reserve.ts'
import type { Candidate } from '../selection/selector.ts'
import { type Priority, priorities } from './line-cells.ts'

interface PlaceServices {
  readonly options: { readonly reservedPlaces?: ReservedShares }
  readonly inFlight: Pick<Gauge, 'value'>
  readonly places?: Pick<PlaceLimits, 'limitOf'> | undefined
}

interface AcquireServices {
  readonly inFlight: Pick<Gauge, 'acquire' | 'release' | 'value'>
  readonly places?: Pick<PlaceLimits, 'acquire'> | undefined
}

type Slots = ReadonlySet<number> | undefined

/** The places that one request leaves to requests of higher priority classes. */
export class LeftPlaces {
  readonly #services: PlaceServices
  readonly #share: number
  /** Endpoint at which the request may use all places. */
  openSlot: number | undefined

  constructor(services: PlaceServices, share: number) {
    this.#services = services
    this.#share = share
  }

  /** Share of the places of an endpoint. */
  shareAt(slot: number): number {
    return slot === this.openSlot ? 0 : this.#share
  }

  /** Whether only places are free, if any, that the request leaves. */
  isShutAt({ endpoint: { slot, maxConcurrent } }: Candidate): boolean {
    if (maxConcurrent === 0) return false
    const { inFlight, places } = this.#services
    const limit = places?.limitOf(slot, maxConcurrent) ?? maxConcurrent
    return inFlight.value(slot) >= usablePlaces(limit, this.shareAt(slot))
  }

  /** @returns `tried` and the candidates that are shut */
  excluded(candidates: readonly Candidate[], tried: Slots): Slots {
    let all: Set<number> | undefined
    for (const candidate of candidates) {
      if (!this.isShutAt(candidate)) continue
      all ??= new Set(tried)
      all.add(candidate.endpoint.slot)
    }
    return all ?? tried
  }
}

/** Takes a place at an endpoint. @returns false if the request can have none */
export function acquirePlace(
  { inFlight, places }: AcquireServices,
  { endpoint: { slot, maxConcurrent } }: Candidate,
  left: LeftPlaces | undefined,
): boolean {
  const share = left?.shareAt(slot) ?? 0
  return places === undefined
    ? inFlight.acquire(slot, usablePlaces(maxConcurrent, share))
    : places.acquire(inFlight, slot, maxConcurrent, share)
}

/** @returns undefined if the request leaves no place */
export function leftPlaces(services: PlaceServices, priority: Priority | undefined): LeftPlaces | undefined {
  const { reservedPlaces } = services.options
  if (reservedPlaces === undefined) return undefined
  const share = reservedPlaces[priorities.indexOf(priority ?? 'normal')] ?? 0
  return share === 0 ? undefined : new LeftPlaces(services, share)
}
