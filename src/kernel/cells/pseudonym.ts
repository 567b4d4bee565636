import { randomInt } from 'node:crypto'
import { ownPlace, type TablePlace } from './table-place.ts'

/**
 * What one gateway calls itself in `Via`, the same on all its threads and another in each process: a request that
 * carries it has passed here before (RFC 9110 section 7.6.3). Two gateways in a row are two names.
 */
export function ownPseudonym(place: TablePlace = ownPlace()): string {
  const cells = new Int32Array(place.allocate({ kind: 'pseudonym', rows: 1 }, Int32Array.BYTES_PER_ELEMENT))
  Atomics.compareExchange(cells, 0, 0, randomInt(1, 2 ** 31))
  return `(id ${Atomics.load(cells, 0).toString(16).padStart(8, '0')})`
}
