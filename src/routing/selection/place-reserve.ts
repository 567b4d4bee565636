/** Share of the places that each priority class leaves to higher ones, first class to last; undefined if none does. */
export type ReservedShares = readonly number[] | undefined

/** @param high,normal share of the places that only this class and higher ones may use */
export function reservedShares({ high, normal }: { high: number; normal: number }): ReservedShares {
  return high === 0 && normal === 0 ? undefined : [0, high, high + normal]
}

/**
 * Places that a class may use. At least one, so that an endpoint with one place serves every class.
 * @param limit of the endpoint: 0 is unlimited, negative none
 * @param share of the places that the class leaves to higher ones
 */
export function usablePlaces(limit: number, share: number): number {
  return limit <= 1 || share === 0 ? limit : Math.max(1, limit - Math.ceil(limit * share))
}
