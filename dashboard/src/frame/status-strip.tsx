import type { ComponentChildren } from 'preact'
import { absent, formatCount, formatMs, formatPercentage, formatRate, formatShare } from '../format/format.ts'
import { endpoints, live, status } from '../live/gateway.ts'
import { perSecond, recentFigures, sparkValues } from '../state/sample-figures.ts'
import { Sparkline } from '../ui/sparkline.tsx'
import { ToneMark } from '../ui/status-mark.tsx'

/** Rates cover this time, so that they neither jump nor lag. */
const windowMs = 30_000

const tones = { healthy: 'good', degraded: 'warn', critical: 'bad' } as const

/** The figures that show at a glance whether the gateway works well. */
export function StatusStrip() {
  const { samples } = live.value
  const figures = recentFigures(samples, windowMs)
  const last = samples.at(-1)
  const system = status.state.value.value?.system
  const fleet = endpoints.state.value.value
  return (
    <section class="strip" aria-label="At a glance">
      <Cell
        label="Endpoints"
        value={fleet === undefined ? absent : `${fleet.routable_count}/${fleet.total_count}`}
      >
        {system !== undefined && <ToneMark tone={tones[system.status]} text={system.status} />}
      </Cell>
      <Cell
        label="Requests"
        value={formatRate(figures?.requestsPerSecond)}
        unit="/s"
        spark={<Sparkline values={sparkValues(samples, (sample) => perSecond(sample.requests, sample))} />}
      >
        {system === undefined ? absent : `${formatCount(system.total_requests)} in all`}
      </Cell>
      <Cell
        label="Tokens"
        value={formatRate(figures?.tokensPerSecond)}
        unit="/s"
        spark={
          <Sparkline
            tone="series-2"
            values={sparkValues(samples, (sample) => perSecond(sample.completion_tokens, sample))}
          />
        }
      >
        generated
      </Cell>
      <Cell
        label="In flight"
        value={last === undefined ? absent : String(last.in_flight)}
        spark={<Sparkline values={sparkValues(samples, ({ in_flight }) => in_flight)} />}
      >
        {last === undefined ? absent : `${last.waiting} waiting`}
      </Cell>
      <Cell
        label={
          <>
            <abbr title="time to first token">TTFT</abbr> p50
          </>
        }
        value={formatMs(last?.first_token_ms?.p50)}
      >
        p99 {formatMs(last?.first_token_ms?.p99)}
      </Cell>
      <Cell label="Success" value={formatShare(figures?.successShare)}>
        {system === undefined ? absent : `${formatPercentage(system.success_rate)} in all`}
      </Cell>
    </section>
  )
}

interface CellProps {
  readonly label: ComponentChildren
  readonly value: string
  readonly unit?: string
  readonly spark?: ComponentChildren
  readonly children: ComponentChildren
}

const Cell = ({ label, value, unit, spark, children }: CellProps) => (
  <div class="strip-cell">
    <span class="strip-label clip">{label}</span>
    <span class="strip-value">
      {value}
      {unit !== undefined && <span class="unit">{unit}</span>}
    </span>
    <span class="strip-note clip">{children}</span>
    {spark}
  </div>
)
