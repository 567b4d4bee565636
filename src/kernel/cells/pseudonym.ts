import { randomInt } from 'node:crypto'
import { ownPlace, type TablePlace } from './table-place.ts'

/**
 * Name of a gateway in `Via`, the same on all its threads and different in each process: a request that carries it has
 * already passed through this gateway (RFC 9110 section 7.6.3). Two chained gateways have two names.
 */
export function ownPseudonym(place: TablePlace = ownPlace()): string {
  const cells = new Int32Array(place.allocate({ kind: 'pseudonym', rows: 1 }, Int32Array.BYTES_PER_ELEMENT))
  Atomics.compareExchange(cells, 0, 0, randomInt(1, 2 ** 31))
  return `(id ${Atomics.load(cells, 0).toString(16).padStart(8, '0')})`
}
