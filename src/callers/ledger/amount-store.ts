import { subjectKinds } from '../contract/records.ts'
import type { SavedAmount } from '../limits/contract.ts'
import type { Database, Statements } from '../store/database.ts'
import { text } from '../store/rows.ts'

/** Reads all amounts. */
export async function readAmounts(database: Database): Promise<SavedAmount[]> {
  const rows = await database.all('SELECT kind, id, window_name, bucket, amount FROM olla_amounts')
  return rows.flatMap((row) => {
    const kind = subjectKinds.find((each) => each === row.kind)
    if (kind === undefined) return []
    const [bucket, amount] = [Number(row.bucket), Number(row.amount)]
    return [{ kind, id: text(row.id), window: text(row.window_name), bucket, amount }]
  })
}

/** Replaces amounts; sorted, as all rows that several processes write. */
export async function saveAmounts(statements: Statements, amounts: readonly SavedAmount[]): Promise<void> {
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
  isOver: (amount: SavedAmount) => boolean,
): Promise<void> {
  for (const amount of (await readAmounts(database)).filter(isOver)) {
    const { kind, id, window, bucket } = amount
    await database.all(
      'DELETE FROM olla_amounts WHERE kind = ? AND id = ? AND window_name = ? AND bucket = ?',
      [kind, id, window, bucket],
    )
  }
}

const nameOf = ({ kind, id, window, bucket }: SavedAmount) => `${kind}\0${id}\0${window}\0${bucket}`
const byName = (a: SavedAmount, b: SavedAmount) => (nameOf(a) < nameOf(b) ? -1 : 1)
