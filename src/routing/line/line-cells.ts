import { counters, gauge, numbers, rowPerThread } from '../../kernel/cells/kinds.ts'
import { type CellsOf, cellLayout } from '../../kernel/cells/layout.ts'
import { lineReasons } from './line-ticket.ts'

/** Priority classes, first to last. */
export const priorities = ['high', 'normal', 'low'] as const
export type Priority = (typeof priorities)[number]
export const classes = priorities.length

/** Lanes and flows have a row by their hash: two that share one are limited together, or share their turns. */
const laneRows = 4_096
const flowRows = 32_768

/** Columns of a class at an endpoint, in `firsts`. */
const firstColumns = 2
/** Columns of an endpoint, in `swaps`. */
const swapColumns = 2
/** Columns of a lane, in `paces`. */
const paceColumns = 2

/** State that the lines of all threads share. */
export const lineCells = cellLayout('line', ({ endpoints }) => ({
  /** Number of waiting requests. */
  waiting: gauge(),
  /** Their bodies, in KiB. */
  heldKib: gauge(),
  laneWaiting: gauge(laneRows),
  laneHeldKib: gauge(laneRows),
  counts: counters(['entered', 'served', 'left', ...lineReasons]),
  /** By endpoint and class: the tag of each thread's first request, and since when it waits (0: there is none). */
  firsts: rowPerThread(endpoints * classes * firstColumns),
  /** By endpoint and class: since when no request of the class was taken although one waited. */
  passedOverMs: numbers(endpoints * classes),
  /** By endpoint: hash of the model that the line sent there last, and how many requests went before another model. */
  swaps: numbers(endpoints * swapColumns),
  /** By flow: the tokens that it has been given, as virtual time. */
  tags: numbers(flowRows),
  /** The highest tag so far. */
  top: numbers(),
  /** By lane: when a request was taken last, and the average interval between two. */
  paces: numbers(laneRows * paceColumns),
}))

export type LineCells = CellsOf<typeof lineCells>

/** Clears what the line knows of an endpoint, before its row gets another one. No request waits for it. */
export function clearLineRow(
  { passedOverMs, swaps }: Pick<LineCells, 'passedOverMs' | 'swaps'>,
  slot: number,
): void {
  passedOverMs.fill(0, slot * classes, (slot + 1) * classes)
  swaps.fill(0, slot * swapColumns, (slot + 1) * swapColumns)
}

export function firstColumn(slot: number, priority: number): number {
  return (slot * classes + priority) * firstColumns
}

export function laneRowOf(key: string): number {
  return textHash(key) % laneRows
}

export function flowRowOf(key: string): number {
  return textHash(key) % flowRows
}

/** FNV-1a with a final mix, the same on all threads; never 0. */
export function textHash(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash ^= hash >>> 13
  return hash >>> 0 || 1
}
