import type { ComponentChildren } from 'preact'

/** The frame of a table without controls: on narrow screens it scrolls, by the keyboard too. */
export function TableFrame({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must take the focus (WCAG 2.1.1).
    <section class="table-frame" aria-label={label} tabIndex={0}>
      {children}
    </section>
  )
}
