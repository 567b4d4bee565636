import type { SubjectKind } from '../contract/records.ts'
import { subjectKinds } from '../contract/records.ts'
import type { Database, Statements } from '../store/database.ts'
import { text } from '../store/rows.ts'

/** What a subject has used of one bucket of a limit's window. */
export interface StoredAmount {
  readonly kind: SubjectKind
  readonly id: string
  readonly window: string
  readonly bucket: number
  readonly amount: number
}

/** Reads all amounts. */
export async function readAmounts(database: Database): Promise<StoredAmount[]> {
  const rows = await database.all('SELECT kind, id, window_name, bucket, amount FROM olla_amounts')
  return rows.flatMap((row) => {
    const kind = subjectKinds.find((each) => each === row.kind)
    if (kind === undefined) return []
    const [bucket, amount] = [Number(row.bucket), Number(row.amount)]
    return [{ kind, id: text(row.id), window: text(row.window_name), bucket, amount }]
  })
}

/** Replaces amounts; sorted, as all rows that several processes write. */
export async function saveAmounts(statements: Statements, amounts: readonly StoredAmount[]): Promise<void> {
  for (const { kind, id, window, bucket, amount } of amounts.toSorted(byName)) {
    await statements.all(
      `INSERT INTO olla_amounts (kind, id, window_name, bucket, amount) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (kind, id, window_name, bucket) DO UPDATE SET amount = excluded.amount`,
      [kind, id, window, bucket, Math.round(amount)],
    )
  }
}

/** Removes amounts that no longer count. */
export async function removeAmounts(
  database: Database,
  isOver: (amount: StoredAmount) => boolean,
): Promise<void> {
  for (const amount of (await readAmounts(database)).filter(isOver)) {
    const { kind, id, window, bucket } = amount
    await database.all(
      'DELETE FROM olla_amounts WHERE kind = ? AND id = ? AND window_name = ? AND bucket = ?',
      [kind, id, window, bucket],
    )
  }
}

const nameOf = ({ kind, id, window, bucket }: StoredAmount) => `${kind}\0${id}\0${window}\0${bucket}`
const byName = (a: StoredAmount, b: StoredAmount) => (nameOf(a) < nameOf(b) ? -1 : 1)
