/** Rows as a table with sortable columns; on narrow screens each row is a card. */
import type { ComponentChildren } from 'preact'
import { useRef, useState } from 'preact/hooks'
import { type SortOrder, sortedRows } from '../state/sort-rows.ts'
import { useIsNarrow } from './hooks.ts'
import { useRowWindow } from './use-row-window.ts'

export interface Column<Row> {
  readonly id: string
  readonly title: string
  readonly isNumber?: boolean
  /** Sort value; a column without it is not sortable. */
  readonly sortBy?: (row: Row) => string | number | undefined
  readonly show: (row: Row) => ComponentChildren
  /** On a card: the heading, or left out. */
  readonly onCard?: 'heading' | 'hidden'
}

export interface DataTableProps<Row> {
  /** Describes the table for screen readers. */
  readonly caption: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly rowKey: (row: Row) => string
  readonly initialOrder?: SortOrder
}

/** Cards shown initially, and added on demand: a browser cannot render 5,000 every second. */
const pageSize = 200

export function DataTable<Row>({ rows, columns, initialOrder, ...rest }: DataTableProps<Row>) {
  const [order, setOrder] = useState(initialOrder)
  const [limit, setLimit] = useState(pageSize)
  const isNarrow = useIsNarrow()
  const sortBy = columns.find(({ id }) => id === order?.column)?.sortBy
  const sorted = order === undefined || sortBy === undefined ? rows : sortedRows(rows, sortBy, order)
  const shown = isNarrow ? sorted.slice(0, limit) : sorted
  return (
    <>
      {isNarrow ? (
        <Cards columns={columns} rows={shown} {...rest} />
      ) : (
        <Table columns={columns} rows={shown} order={order} setOrder={setOrder} {...rest} />
      )}
      {shown.length < sorted.length && (
        <p class="more">
          <span class="muted">
            {shown.length} of {sorted.length}
          </span>
          <button type="button" class="button" onClick={() => setLimit(limit + pageSize)}>
            Show more
          </button>
        </p>
      )}
    </>
  )
}

interface Ordered {
  readonly order: SortOrder | undefined
  readonly setOrder: (order: SortOrder) => void
}

/** Draws the rows that are seen. */
function Table<Row>({ caption, columns, rows, rowKey, order, setOrder }: DataTableProps<Row> & Ordered) {
  const body = useRef<HTMLTableSectionElement>(null)
  const { from, to, beforePx, afterPx } = useRowWindow(rows.length, body)
  return (
    <div class="table-frame">
      <table class="table" aria-rowcount={rows.length + 1}>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map((column) => (
              <Heading key={column.id} column={column} order={order} setOrder={setOrder} />
            ))}
          </tr>
        </thead>
        <tbody ref={body}>
          <Space px={beforePx} />
          {rows.slice(from, to).map((row, index) => (
            <tr key={rowKey(row)} aria-rowindex={from + index + 2}>
              {columns.map((column) => (
                <td key={column.id} class={classOf(column)}>
                  {column.show(row)}
                </td>
              ))}
            </tr>
          ))}
          <Space px={afterPx} />
        </tbody>
      </table>
    </div>
  )
}

/** The place of rows that are not drawn. */
function Space({ px }: { px: number }) {
  return px > 0 ? <tr style={{ blockSize: `${px}px` }} /> : null
}

function classOf<Row>({ id, isNumber }: Column<Row>): string {
  return isNumber ? `number col-${id}` : `col-${id}`
}

function Heading<Row>({ column, order, setOrder }: { column: Column<Row> } & Ordered) {
  const { id, title, isNumber, sortBy } = column
  const className = classOf(column)
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
