import type { ComponentChildren } from 'preact'

/** Head of a view: title, summary line and controls. */
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
