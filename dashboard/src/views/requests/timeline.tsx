import type { RequestDetail } from '../../api/types.ts'
import { formatMs } from '../../format/format.ts'
import { type Lane, type Span, type SpanKind, timelineLanes } from '../../state/request-timeline.ts'

const names: Readonly<Record<SpanKind, string>> = {
  routing: 'choosing',
  queued: 'queued',
  connecting: 'connecting',
  waiting: 'waiting for the first byte',
  relaying: 'relaying',
  failed: 'failed',
  pause: 'moving on',
}

/** A request's time as bars; each bar's name and length are listed below as text. */
export function Timeline({ request }: { request: RequestDetail }) {
  const lanes = timelineLanes(request)
  const total = Math.max(request.duration_ms, 0.001)
  return (
    <figure class="timeline">
      <ol class="lanes">
        {lanes.map((lane, index) => (
          <LaneRow key={index} lane={lane} total={total} />
        ))}
      </ol>
      <figcaption class="timeline-scale muted small" aria-hidden="true">
        <span>0</span>
        <span>{formatMs(total / 2)}</span>
        <span>{formatMs(total)}</span>
      </figcaption>
    </figure>
  )
}

function LaneRow({ lane: { label, spans }, total }: { lane: Lane; total: number }) {
  return (
    <li class="lane">
      <span class="lane-label clip">{label}</span>
      <span class="lane-track" aria-hidden="true">
        {spans.map((span) => (
          <span
            key={`${span.kind}-${span.fromMs}`}
            class={`span ${span.kind}`}
            title={spanText(span)}
            style={{
              insetInlineStart: `${(span.fromMs / total) * 100}%`,
              inlineSize: `${((span.toMs - span.fromMs) / total) * 100}%`,
            }}
          />
        ))}
      </span>
      <span class="lane-text muted small">{spans.map(spanText).join(', ')}</span>
    </li>
  )
}

function spanText({ kind, fromMs, toMs }: Span): string {
  return `${names[kind]} ${formatMs(toMs - fromMs)}`
}
