/** A value of a row or a parameter. Both databases return integers as numbers. */
export type SqlValue = string | number | null

export type Row = Readonly<Record<string, SqlValue>>

/** Executes statements. Parameters are `?` in the order of the values; the SQL is what both databases understand. */
export interface Statements {
  all(sql: string, values?: readonly SqlValue[]): Promise<Row[]>
}

/** A database with the tables of callers. */
export interface Database extends Statements {
  /** The schema's own words for each database. */
  readonly dialect: 'sqlite' | 'postgres'
  /**
   * Runs work in one transaction, which no other statement enters. Transactions that write wait for each other.
   * @throws what the work throws, after a rollback
   */
  transaction<T>(work: (statements: Statements) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** Runs one piece of work at a time, in order. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  take<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work)
    this.#last = result.catch(() => undefined)
    return result
  }
}
