export interface NameListProps {
  readonly names: readonly string[]
  /** How many there is room for. */
  readonly limit: number
  /** Of how many these are, for when there is none. */
  readonly total: number
}

/** Some names, and how many more there are. */
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
