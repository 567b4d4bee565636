export interface NameListProps {
  readonly names: readonly string[]
  /** Maximum number of names to show. */
  readonly limit: number
  /** Total number, shown if the list is empty. */
  readonly total: number
}

/** The first names and the number of the remaining ones. */
export function NameList({ names, limit, total }: NameListProps) {
  if (names.length === 0) return <span class="muted nowrap">none of {total}</span>
  return (
    <span class="names" title={names.join('\n')}>
      {names.slice(0, limit).map((name) => (
        <span key={name} class="tag clip">
          {name}
        </span>
      ))}
      {names.length > limit && <span class="muted small">+{names.length - limit}</span>}
    </span>
  )
}
