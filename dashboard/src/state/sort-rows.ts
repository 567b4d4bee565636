export interface SortOrder {
  readonly column: string
  readonly direction: 'ascending' | 'descending'
}

/** A sorted copy; rows without a value come last in both directions, equal ones keep their order. */
export function sortedRows<Row>(
  rows: readonly Row[],
  read: (row: Row) => string | number | undefined,
  { direction }: SortOrder,
): Row[] {
  const sign = direction === 'ascending' ? 1 : -1
  return [...rows].sort((a, b) => {
    const left = read(a)
    const right = read(b)
    if (left === undefined || right === undefined)
      return Number(left === undefined) - Number(right === undefined)
    return sign * compare(left, right)
  })
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' })

function compare(a: string | number, b: string | number): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  return collator.compare(String(a), String(b))
}
