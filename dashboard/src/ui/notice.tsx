import type { ComponentChildren } from 'preact'
import type { ApiError } from '../api/api-error.ts'
import type { Tone } from '../state/event-text.ts'

/** A message in the flow of the page. */
export function Notice({
  tone,
  title,
  children,
}: {
  tone: Tone
  title: string
  children?: ComponentChildren
}) {
  return (
    <div class={`notice ${tone}`}>
      <strong>{title}</strong>
      {children !== undefined && <div>{children}</div>}
    </div>
  )
}

/** Placeholder for an empty list. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children !== undefined && <p class="muted">{children}</p>}
    </div>
  )
}

export const Loading = () => <p class="empty muted">Loading…</p>

const titles: Readonly<Record<ApiError['trouble'], string>> = {
  unreachable: 'The gateway does not respond',
  signed_out: 'Sign in to see this',
  refused: 'The gateway refuses this page',
  not_found: 'This gateway does not have this route',
  failed: 'This could not be loaded',
}

/** Why a load failed; the previous value may still be shown below. */
export function Trouble({ error, isStale }: { error: ApiError; isStale: boolean }) {
  return (
    <Notice tone="bad" title={titles[error.trouble]}>
      {error.trouble === 'signed_out' ? <a href="./login">Sign in with the admin token</a> : error.message}
      {isStale && ' The data shown is older.'}
    </Notice>
  )
}
