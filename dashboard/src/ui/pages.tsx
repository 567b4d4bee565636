export interface PagesProps {
  /** Names the list for screen readers. */
  readonly of: string
  /** Where the shown page and those before it start; the first page is not in it. */
  readonly starts: readonly string[]
  readonly next: string | null
  readonly onShow: (starts: readonly string[]) => void
}

/** Steps through the pages of a list. */
export function Pages({ of, starts, next, onShow }: PagesProps) {
  if (starts.length === 0 && next === null) return null
  return (
    <nav class="more" aria-label={`Pages of ${of}`}>
      <button
        type="button"
        class="button"
        disabled={starts.length === 0}
        onClick={() => onShow(starts.slice(0, -1))}
      >
        Previous
      </button>
      <span class="muted">page {starts.length + 1}</span>
      <button
        type="button"
        class="button"
        disabled={next === null}
        onClick={() => {
          if (next !== null) onShow([...starts, next])
        }}
      >
        Next
      </button>
    </nav>
  )
}
