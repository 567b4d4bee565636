/** Rows as a table with sortable columns; where that is too wide, each row as a card. */
import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { type SortOrder, sortedRows } from '../state/sort-rows.ts'
import { useIsNarrow } from './hooks.ts'

export interface Column<Row> {
  readonly id: string
  readonly title: string
  readonly isNumber?: boolean
  /** What the column sorts by; without it, it does not sort. */
  readonly sortBy?: (row: Row) => string | number | undefined
  readonly show: (row: Row) => ComponentChildren
  /** On a card: the heading, or left out. */
  readonly onCard?: 'heading' | 'hidden'
}

export interface DataTableProps<Row> {
  /** What the table holds, for those who cannot see where it stands. */
  readonly caption: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly rowKey: (row: Row) => string
  readonly initialOrder?: SortOrder
}

export function DataTable<Row>({ caption, columns, rows, rowKey, initialOrder }: DataTableProps<Row>) {
  const [order, setOrder] = useState(initialOrder)
  const isNarrow = useIsNarrow()
  const sortBy = columns.find(({ id }) => id === order?.column)?.sortBy
  const sorted = order === undefined || sortBy === undefined ? rows : sortedRows(rows, sortBy, order)
  if (isNarrow) return <Cards {...{ caption, columns, rowKey }} rows={sorted} />
  return (
    <div class="table-frame">
      <table class="table">
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <Heading key={column.id} column={column} order={order} setOrder={setOrder} />
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => (
            <tr key={rowKey(row)}>
              {columns.map(({ id, isNumber, show }) => (
                <td key={id} class={isNumber ? `number col-${id}` : `col-${id}`}>
                  {show(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

interface HeadingProps<Row> {
  readonly column: Column<Row>
  readonly order: SortOrder | undefined
  readonly setOrder: (order: SortOrder) => void
}

function Heading<Row>({ column: { id, title, isNumber, sortBy }, order, setOrder }: HeadingProps<Row>) {
  const className = isNumber ? `number col-${id}` : `col-${id}`
  if (sortBy === undefined) {
    return (
      <th scope="col" class={className}>
        {title}
      </th>
    )
  }
  const direction = order?.column === id ? order.direction : undefined
  const next = direction === 'ascending' || (direction === undefined && isNumber) ? 'descending' : 'ascending'
  return (
    <th scope="col" class={className} aria-sort={direction ?? 'none'}>
      <button type="button" class="sort" onClick={() => setOrder({ column: id, direction: next })}>
        {title}
        <span class="sort-arrow" aria-hidden="true">
          {direction === undefined ? '' : direction === 'ascending' ? '↑' : '↓'}
        </span>
      </button>
    </th>
  )
}

function Cards<Row>({ caption, columns, rows, rowKey }: DataTableProps<Row>) {
  const heading = columns.filter(({ onCard }) => onCard === 'heading')
  const facts = columns.filter(({ onCard }) => onCard === undefined)
  return (
    <ul class="cards" aria-label={caption}>
      {rows.map((row) => (
        <li key={rowKey(row)} class="card">
          <div class="card-heading">
            {heading.map(({ id, show }) => (
              <div key={id}>{show(row)}</div>
            ))}
          </div>
          <dl class="card-facts">
            {facts.map(({ id, title, show }) => (
              <div key={id} class={`col-${id}`}>
                <dt>{title}</dt>
                <dd>{show(row)}</dd>
              </div>
            ))}
          </dl>
        </li>
      ))}
    </ul>
  )
}
