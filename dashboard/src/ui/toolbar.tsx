import type { ComponentChildren } from 'preact'

/** Above a view: what it is, what it says in a line, and what can be chosen. */
export function Toolbar({
  title,
  note,
  children,
}: {
  title: string
  note?: string | undefined
  children?: ComponentChildren
}) {
  return (
    <div class="toolbar">
      <h2>{title}</h2>
      <p class="toolbar-note muted">{note}</p>
      {children !== undefined && <div class="toolbar-end">{children}</div>}
    </div>
  )
}
