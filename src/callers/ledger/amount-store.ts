import { subjectKinds } from '../contract/records.ts'
import type { SavedAmount } from '../limits/contract.ts'
import type { Database, Row, SqlValue, Statements } from '../store/database.ts'
import { text } from '../store/rows.ts'

/** Amounts as the store has them. */
export interface StoredAmounts {
  readonly amounts: readonly SavedAmount[]
  /** Of the last change that is certainly among them. */
  readonly revision: number
}

/** Rows of one statement: few different ones, which stay prepared. */
const statementSizes = [50, 10, 1]

/** Reads the amounts that have changed after a revision; -1 reads all. */
export async function readAmounts(statements: Statements, since = -1): Promise<StoredAmounts> {
  // Amounts that change in between are read twice, which does not matter.
  const [last] = await statements.all('SELECT last_id FROM olla_usage_sequence WHERE id = 2')
  const revision = Number(last?.last_id ?? 0)
  if (revision === since) return { amounts: [], revision }
  const rows = await statements.all(
    'SELECT kind, id, window_name, bucket, amount FROM olla_amounts WHERE revision > ?',
    [since],
  )
  return { amounts: rows.flatMap(amountOf), revision }
}

/**
 * Adds to amounts. The row of the sequence is a lock: gateways add one after the other, so no two wait for each other's
 * rows in a circle, and one that has read a revision has read all before it.
 * @returns the revision of the change
 */
export async function addAmounts(statements: Statements, amounts: readonly SavedAmount[]): Promise<number> {
  const [row] = await statements.all(
    'UPDATE olla_usage_sequence SET last_id = last_id + 1 WHERE id = 2 RETURNING last_id',
  )
  const revision = Number(row?.last_id)
  const values = amounts.map(({ kind, id, window, bucket, amount }): SqlValue[] => [
    kind,
    id,
    window,
    bucket,
    Math.round(amount),
    revision,
  ])
  for (let at = 0; at < values.length; ) {
    const size = statementSizes.find((each) => at + each <= values.length) ?? 1
    await statements.all(additionOf(size), values.slice(at, at + size).flat())
    at += size
  }
  return revision
}

/** Removes amounts that no longer count. */
export async function removeAmounts(
  database: Database,
  isOver: (amount: SavedAmount) => boolean,
): Promise<void> {
  const { amounts } = await readAmounts(database)
  for (const { kind, id, window, bucket } of amounts.filter(isOver)) {
    await database.all(
      'DELETE FROM olla_amounts WHERE kind = ? AND id = ? AND window_name = ? AND bucket = ?',
      [kind, id, window, bucket],
    )
  }
}

function additionOf(rows: number): string {
  return `INSERT INTO olla_amounts (kind, id, window_name, bucket, amount, revision)
    VALUES ${Array(rows).fill('(?, ?, ?, ?, ?, ?)').join(', ')}
    ON CONFLICT (kind, id, window_name, bucket)
    DO UPDATE SET amount = olla_amounts.amount + excluded.amount, revision = excluded.revision`
}

function amountOf(row: Row): SavedAmount[] {
  const kind = subjectKinds.find((each) => each === row.kind)
  if (kind === undefined) return []
  const [bucket, amount] = [Number(row.bucket), Number(row.amount)]
  return [{ kind, id: text(row.id), window: text(row.window_name), bucket, amount }]
}
