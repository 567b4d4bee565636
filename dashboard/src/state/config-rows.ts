import type { ConfigView } from '../api/types.ts'

export interface ConfigRow {
  /** Dotted, without the section's name. */
  readonly key: string
  readonly value: string
  readonly isChanged: boolean
}

export interface ConfigSection {
  readonly name: string
  readonly rows: readonly ConfigRow[]
}

export interface ConfigSearch {
  readonly search: string
  readonly onlyChanged: boolean
}

/** The lines of the configuration that match the search, a section for each top-level key. */
export function configSections(
  { values, changed }: ConfigView,
  { search, onlyChanged }: ConfigSearch,
): ConfigSection[] {
  const wanted = search.trim().toLowerCase()
  return Object.entries(values).flatMap(([name, value]) => {
    const rows = leaves(value, '')
      .map(([path, text]): ConfigRow => {
        const full = path === '' ? name : `${name}.${path}`
        return { key: path === '' ? name : path, value: text, isChanged: isChanged(full, changed) }
      })
      .filter(
        (row) =>
          (!onlyChanged || row.isChanged) &&
          (wanted === '' || `${name}.${row.key} ${row.value}`.toLowerCase().includes(wanted)),
      )
    return rows.length === 0 ? [] : [{ name, rows }]
  })
}

/** A changed key covers all that is below it: a list is changed as a whole. */
function isChanged(key: string, changed: readonly string[]): boolean {
  return changed.some((each) => key === each || key.startsWith(`${each}.`))
}

/** Dotted keys and their values; a list of plain values is one value. */
function leaves(value: unknown, path: string): [string, string][] {
  if (Array.isArray(value)) {
    const isPlain = value.every((item) => typeof item !== 'object' || item === null)
    if (isPlain) return [[path, value.length === 0 ? 'none' : value.map(String).join(', ')]]
    return value.flatMap((item: unknown, index) => leaves(item, joined(path, String(index))))
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value)
    if (entries.length === 0) return [[path, 'none']]
    return entries.flatMap(([key, item]) => leaves(item, joined(path, key)))
  }
  return [[path, value === '' ? '""' : String(value)]]
}

function joined(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`
}
