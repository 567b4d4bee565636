import type { LimitState } from '../../api/types.ts'
import { absent } from '../../format/format.ts'
import { limitUseText, nearShare } from '../../state/limit-use.ts'

/** How far a limit is used up; marked from 80% on. */
export function LimitBar({ use }: { use: LimitState | undefined }) {
  if (use === undefined) return <span class="muted">{absent}</span>
  const percent = Math.min(100, use.share * 100)
  const isNear = use.share >= nearShare
  const text = limitUseText(use)
  return (
    <span class="load" title={text}>
      <span class={isNear ? 'warn' : undefined}>
        {isNear && <span aria-hidden="true">▲ </span>}
        {Math.floor(use.share * 100)}%<span class="unseen"> {text}</span>
        {isNear && <span class="small"> near its limit</span>}
      </span>
      <span class="load-track" aria-hidden="true">
        <span class={isNear ? 'load-fill full' : 'load-fill'} style={{ inlineSize: `${percent}%` }} />
      </span>
    </span>
  )
}
