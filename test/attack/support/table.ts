import type { Outcome } from './compare.ts'

interface Row {
  readonly outcome: Outcome
  readonly differs: boolean
  readonly isStricter: boolean
  readonly isSerious: boolean
}

const columns = [
  'cases',
  'delivered',
  'refused',
  'answered',
  'no answer',
  'differs',
  'stricter elsewhere',
  'serious',
] as const
type Column = (typeof columns)[number]

/** Counts by family. */
export class FamilyTable {
  readonly #counts = new Map<string, Map<Column, number>>()

  add(family: string, { outcome: { delivered, talk }, differs, isStricter, isSerious }: Row): void {
    const [first] = talk.statuses
    this.#count(family, 'cases')
    if (delivered.length > 0) this.#count(family, 'delivered')
    else if (first === undefined) this.#count(family, 'no answer')
    else this.#count(family, first >= 400 && first !== 404 ? 'refused' : 'answered')
    if (differs) this.#count(family, 'differs')
    if (isStricter) this.#count(family, 'stricter elsewhere')
    if (isSerious) this.#count(family, 'serious')
  }

  lines(): string[] {
    const rows = [...this.#counts].map(([family, counts]) =>
      [
        family.padEnd(24),
        ...columns.map((column) => String(counts.get(column) ?? 0).padStart(column.length + 1)),
      ].join(' '),
    )
    return [['family'.padEnd(24), ...columns.map((column) => ` ${column}`)].join(' '), ...rows]
  }

  #count(family: string, column: Column): void {
    const counts = this.#counts.get(family) ?? new Map<Column, number>()
    this.#counts.set(family, counts.set(column, (counts.get(column) ?? 0) + 1))
  }
}
