import { ToneMark } from '../status-mark.tsx'

/** Whether a key or a team is in use. */
export function EnabledMark({
  isEnabled,
  expires,
  nowMs,
}: {
  isEnabled: boolean
  expires?: string | null
  nowMs: number
}) {
  if (!isEnabled) return <ToneMark tone="bad" text="disabled" />
  if (expires && Date.parse(expires) <= nowMs) return <ToneMark tone="bad" text="expired" />
  return <ToneMark tone="good" text="enabled" />
}
