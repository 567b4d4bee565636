export interface ShownChange {
  readonly key: string
  readonly before: unknown
  readonly after: unknown
  readonly needs_restart?: boolean
}

/** What a change replaces: key, value before and after. */
export function ChangeList({ changes }: { changes: readonly ShownChange[] }) {
  if (changes.length === 0) return <p class="muted">Nothing differs.</p>
  return (
    <ul class="changes" aria-label="Changes">
      {changes.map(({ key, before, after, needs_restart }) => (
        <li key={key}>
          <span class="mono break">{key}</span>
          {needs_restart === true && <span class="tag">needs a restart</span>}
          <div class="mono small break">
            <del>{text(before)}</del> → <ins>{text(after)}</ins>
          </div>
        </li>
      ))}
    </ul>
  )
}

function text(value: unknown): string {
  if (value === null || value === undefined) return 'none'
  return typeof value === 'string' ? value : JSON.stringify(value)
}
