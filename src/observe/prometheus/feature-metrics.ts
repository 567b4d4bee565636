import type { TranslationTotals } from '../stats/translation-stats.ts'
import type { TranslatorTotals } from '../stats/translator-stats.ts'
import type { StickyView } from '../views/sticky.ts'
import { labelText } from './exposition.ts'
import type { Metric } from './metric.ts'

export interface TranslatorMetricsSource {
  /** By translator name. */
  readonly translators: Readonly<Record<string, TranslatorTotals>>
  readonly translations: readonly TranslationTotals[]
}

/** Metrics of translations. */
export const translatorMetrics: readonly Metric<TranslatorMetricsSource>[] = [
  translators('olla_translator_requests', 'Finished requests to a translated API.', 'outcome', {
    success: (totals) => totals.successes,
    failure: (totals) => totals.failures,
    client_closed: (totals) => totals.clientClosed,
  }),
  translators('olla_translator_answers', 'How the gateway sent the request to the endpoint.', 'mode', {
    passthrough: (totals) => totals.passthrough,
    translation: (totals) => totals.translation,
  }),
  translators(
    'olla_translator_fallbacks',
    'Why the gateway translated a request instead of passing it through.',
    'reason',
    {
      no_endpoint: (totals) => totals.fallbackNoEndpoints,
      cannot_pass: (totals) => totals.fallbackCannotPassthrough,
    },
  ),
  {
    name: 'olla_translated_requests',
    type: 'counter',
    help: 'Finished requests that were translated, by the API of the client and the API of the endpoint of the last attempt.',
    labels: ['from', 'to', 'outcome'],
    collect: (source, out) => {
      for (const { from, to, outcomes } of source.translations) {
        for (const [outcome, count] of Object.entries(outcomes)) {
          if (count > 0) out.sample(count, labelText({ from, to, outcome }))
        }
      }
    },
  },
]

/** Same data as `/internal/stats/sticky`; absent if sessions are off. */
export type StickyMetricsSource = StickyView

type StickyOn = Extract<StickyView, { enabled: true }>

/** Metrics of sessions. */
export const stickyMetrics: readonly Metric<StickyMetricsSource>[] = [
  sticky('olla_sticky_sessions', 'gauge', 'Sessions bound to an endpoint.', (view) => view.active_sessions),
  sticky('olla_sticky_max_sessions', 'gauge', 'Maximum number of sessions.', (view) => view.max_sessions),
  {
    name: 'olla_sticky_requests',
    type: 'counter',
    help: 'Requests by the outcome of the session lookup; disabled means without a session key.',
    labels: ['result'],
    collect: (view, out) => {
      if (!view.enabled) return
      out.sample(view.hits, labelText({ result: 'hit' }))
      out.sample(view.misses, labelText({ result: 'miss' }))
      out.sample(view.repins, labelText({ result: 'repin' }))
      out.sample(view.disabled, labelText({ result: 'disabled' }))
    },
  },
  sticky('olla_sticky_insertions', 'counter', 'Sessions created.', (view) => view.insertions),
  sticky('olla_sticky_evictions', 'counter', 'Sessions evicted to make room.', (view) => view.evictions),
]

function translators(
  name: string,
  help: string,
  label: string,
  values: Readonly<Record<string, (totals: TranslatorTotals) => number>>,
): Metric<TranslatorMetricsSource> {
  return {
    name,
    type: 'counter',
    help,
    labels: ['translator', label],
    collect: (source, out) => {
      for (const [translator, totals] of Object.entries(source.translators)) {
        for (const [value, read] of Object.entries(values)) {
          out.sample(read(totals), labelText({ translator, [label]: value }))
        }
      }
    },
  }
}

function sticky(
  name: string,
  type: 'gauge' | 'counter',
  help: string,
  read: (view: StickyOn) => number,
): Metric<StickyMetricsSource> {
  return {
    name,
    type,
    help,
    collect: (view, out) => {
      if (view.enabled) out.sample(read(view))
    },
  }
}
