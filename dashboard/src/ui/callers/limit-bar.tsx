import { absent } from '../../format/format.ts'
import { type LimitUse, nearShare } from '../../state/limit-use.ts'

/** The limit that is used up furthest; marked from 80% on. */
export function LimitBar({ use }: { use: LimitUse | undefined }) {
  if (use === undefined) return <span class="muted">{absent}</span>
  const percent = Math.min(100, use.share * 100)
  return (
    <span class="load" title={use.text}>
      <span class={use.share >= nearShare ? 'warn' : undefined}>
        {use.share >= nearShare && <span aria-hidden="true">▲ </span>}
        {Math.floor(use.share * 100)}%<span class="unseen"> {use.text}</span>
        {use.share >= nearShare && <span class="small"> near its limit</span>}
      </span>
      <span class="load-track" aria-hidden="true">
        <span
          class={use.share >= nearShare ? 'load-fill full' : 'load-fill'}
          style={{ inlineSize: `${percent}%` }}
        />
      </span>
    </span>
  )
}
