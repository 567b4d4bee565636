import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

export interface Tab<Id extends string> {
  readonly id: Id
  readonly title: string
  /** Beside the title. */
  readonly count?: string | undefined
  readonly isBad?: boolean
}

export interface TabsProps<Id extends string> {
  readonly label: string
  readonly tabs: readonly Tab<Id>[]
  readonly selected: Id
  readonly onSelect: (id: Id) => void
  readonly children: ComponentChildren
}

/** Tabs according to the ARIA practices: one stop in the tab order, arrows, Home and End between them. */
export function Tabs<Id extends string>({ label, tabs, selected, onSelect, children }: TabsProps<Id>) {
  const list = useRef<HTMLDivElement>(null)
  useEffect(() => {
    list.current?.querySelector(`#tab-${selected}`)?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }, [selected])

  function move(event: KeyboardEvent): void {
    const index = tabs.findIndex(({ id }) => id === selected)
    const target = targetOf(event.key, index, tabs.length)
    const next = target === undefined ? undefined : tabs[target]
    if (next === undefined) return
    event.preventDefault()
    onSelect(next.id)
    list.current?.querySelector<HTMLElement>(`#tab-${next.id}`)?.focus()
  }

  return (
    <>
      <nav aria-label={label}>
        <div ref={list} class="tabs" role="tablist" aria-label={label} onKeyDown={move}>
          {tabs.map(({ id, title, count, isBad }) => (
            <button
              key={id}
              type="button"
              role="tab"
              id={`tab-${id}`}
              class="tab"
              aria-selected={id === selected}
              aria-controls={id === selected ? 'view' : undefined}
              tabIndex={id === selected ? 0 : -1}
              onClick={() => onSelect(id)}
            >
              {title}
              {count !== undefined && <span class={isBad ? 'count bad' : 'count'}>{count}</span>}
            </button>
          ))}
        </div>
      </nav>
      <main class="view">
        <div id="view" role="tabpanel" aria-labelledby={`tab-${selected}`}>
          {children}
        </div>
      </main>
    </>
  )
}

function targetOf(key: string, index: number, count: number): number | undefined {
  switch (key) {
    case 'ArrowRight':
      return (index + 1) % count
    case 'ArrowLeft':
      return (index - 1 + count) % count
    case 'Home':
      return 0
    case 'End':
      return count - 1
    default:
      return undefined
  }
}
