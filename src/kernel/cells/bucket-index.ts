/** Finds the bucket of a value without a loop. */
export interface BucketIndex {
  /** Units per 1 of a value: a power of two, so that the product is exact. */
  readonly scale: number
  /**
   * By cell: the first bound that is not below the cell. Each power of two of units has 16 cells of equal width, with at
   * most one bound in each, so that a single comparison decides.
   */
  readonly firstBounds: Uint16Array
}

const cellBits = 4
const cellsPerPower = 1 << cellBits
const maxUnits = 2 ** 31 - 1
const minUnits = cellsPerPower

const indexes = new WeakMap<readonly number[], BucketIndex>()

/**
 * Returns the index for bounds; tables with the same list share it.
 * @param bounds ascending, above 0, each at least 7 % above the one before
 * @throws RangeError for others
 */
export function bucketIndex(bounds: readonly number[]): BucketIndex {
  let index = indexes.get(bounds)
  if (index === undefined) {
    index = createIndex(bounds)
    indexes.set(bounds, index)
  }
  return index
}

/** Returns the cell of a number of units, from 16 up to 2^31 - 1. */
export function cellOf(units: number): number {
  const shift = 31 - cellBits - Math.clz32(units)
  return (shift << cellBits) + (units >>> shift)
}

function createIndex(bounds: readonly number[]): BucketIndex {
  const [min = 1] = bounds
  const scale = 2 ** Math.floor(Math.log2(maxUnits / (bounds.at(-1) ?? 1)))
  if (!(min * scale >= minUnits)) throw new RangeError(`buckets cannot begin at ${min}`)
  const firstBounds = new Uint16Array(cellOf(maxUnits) + 1)
  let bound = 0
  for (let cell = cellsPerPower; cell < firstBounds.length; cell++) {
    const shift = (cell >>> cellBits) - 1
    const units = cellsPerPower + (cell % cellsPerPower)
    const from = (units * 2 ** shift) / scale
    const to = ((units + 1) * 2 ** shift) / scale
    while (bound < bounds.length && (bounds[bound] ?? 0) < from) bound++
    if ((bounds[bound + 1] ?? to) < to && to > min) {
      throw new RangeError(`the bounds ${bounds[bound]} and ${bounds[bound + 1]} are too close`)
    }
    firstBounds[cell] = bound
  }
  return { scale, firstBounds }
}
