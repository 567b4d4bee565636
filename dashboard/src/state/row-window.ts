/** Rows to draw, and the height of those before and after them. */
export interface RowWindow {
  readonly from: number
  /** After the last. */
  readonly to: number
  readonly beforePx: number
  readonly afterPx: number
}

/** Shorter lists are drawn as a whole. */
export const minWindowedRows = 60
/** Drawn above and below what is seen, so that scrolling by a wheel's step shows no gap. */
const spareRows = 10

export interface Viewport {
  /** From the top of the list to the top of the window, negative while the list begins below that. */
  readonly topPx: number
  readonly heightPx: number
  /** Average height of a row. */
  readonly rowPx: number
}

/** @param count all rows */
export function rowWindow(count: number, { topPx, heightPx, rowPx }: Viewport): RowWindow {
  if (count < minWindowedRows) return { from: 0, to: count, beforePx: 0, afterPx: 0 }
  const first = Math.floor(topPx / rowPx) - spareRows
  const last = Math.ceil((topPx + heightPx) / rowPx) + spareRows
  // Whole steps: a new window only after some rows, and rows keep their stripes.
  const step = spareRows / 2
  const from = Math.min(Math.max(0, Math.floor(first / step) * step), Math.max(0, count - 2 * spareRows))
  const to = Math.min(count, Math.max(from + 2 * spareRows, Math.ceil(last / step) * step))
  return { from, to, beforePx: from * rowPx, afterPx: (count - to) * rowPx }
}
