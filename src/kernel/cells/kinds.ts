import { Cells64 } from './cells64.ts'
import { CounterTable } from './counter-table.ts'
import { DistinctTable } from './distinct-table.ts'
import { Gauge } from './gauge.ts'
import { HistogramTable } from './histogram-table.ts'
import { buildTables, type CellKind, type CellKinds, type Tables } from './layout.ts'
import { RecordTable } from './record-table.ts'
import { RowMarks } from './row-marks.ts'
import { NameRows, NumberRows } from './rows.ts'
import { SharedCache, type SharedCacheOptions } from './shared-cache.ts'
import { ThreadRows } from './thread-rows.ts'

/** Kind of a block with one number per thread. */
export const perThreadKind = 'numbers per thread'

/** Sums that each thread adds to. */
export function counters<Column extends string>(
  columns: readonly Column[],
  rows = 1,
): CellKind<CounterTable<Column>> {
  return (place) => new CounterTable(columns, rows, place)
}

/** Counts concurrent operations; when a thread ends, its share is released. */
export function gauge(rows = 1): CellKind<Gauge> {
  return (place) => new Gauge(rows, place)
}

export function histogram(bounds: readonly number[], rows = 1): CellKind<HistogramTable> {
  return (place) => new HistogramTable(bounds, rows, place)
}

/** Numbers and a text, last write wins. */
export function records<Column extends string>(
  columns: readonly Column[],
  rows: number,
): CellKind<RecordTable<Column>> {
  return (place) => new RecordTable(columns, rows, place)
}

/** Approximate number of distinct values. */
export function distinct(rows: number): CellKind<DistinctTable> {
  return (place) => new DistinctTable(rows, place)
}

/** Assigns rows to names; rows are never given back. */
export function nameRows(capacity: number): CellKind<NameRows> {
  return (place) => new NameRows(capacity, place)
}

/** Assigns rows to numbers; rows are never given back. */
export function numberRows(capacity: number): CellKind<NumberRows> {
  return (place) => new NumberRows(capacity, place)
}

/** A bounded map from keys to small integers. */
export function cache(
  capacity: number,
): CellKind<(options: Omit<SharedCacheOptions, 'capacity'>) => SharedCache> {
  return (place) => {
    SharedCache.reserve(place, capacity)
    return (options) => new SharedCache({ ...options, capacity }, place)
  }
}

/** Marks of rows, which one thread takes. */
export function rowMarks(rows: number): CellKind<RowMarks> {
  return (place) => new RowMarks(rows, place)
}

/** Plain cells for `Atomics`. */
export function integers(rows = 1): CellKind<Int32Array> {
  return (place) =>
    new Int32Array(place.allocate({ kind: 'integers', rows }, rows * Int32Array.BYTES_PER_ELEMENT))
}

/** Plain 64-bit cells that change atomically. */
export function cells64(rows: number): CellKind<Cells64> {
  return (place) => {
    const bytes = rows * BigInt64Array.BYTES_PER_ELEMENT
    return new Cells64(place.allocate({ kind: 'cells of 64 bits', rows }, bytes), 0, rows)
  }
}

/** Plain cells; if threads write one at the same time, the last write wins. */
export function numbers(rows = 1): CellKind<Float64Array> {
  return (place) =>
    new Float64Array(place.allocate({ kind: 'numbers', rows }, rows * Float64Array.BYTES_PER_ELEMENT))
}

/** One number per thread, indexed by thread; reset to 0 when the thread ends. */
export function numberPerThread(): CellKind<Float64Array> {
  return ({ threads, allocate }) =>
    new Float64Array(
      allocate({ kind: perThreadKind, rows: threads }, threads * Float64Array.BYTES_PER_ELEMENT),
    )
}

/** A row of `columns` numbers per thread, which that thread alone writes; reset to 0 when the thread ends. */
export function rowPerThread(columns: number): CellKind<ThreadRows> {
  return (place) => new ThreadRows(columns, place)
}

/** Groups several tables under one name. */
export function group<Kinds extends CellKinds>(kinds: Kinds): CellKind<Tables<Kinds>> {
  return (place) => buildTables(kinds, place)
}
