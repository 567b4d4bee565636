import { type Static, Type } from '@sinclair/typebox'
import { formatLatency, formatPercentage, formatTime } from '../../kernel/format.ts'
import type { TranslationTotals } from '../stats/translation-stats.ts'
import type { TranslatorTotals } from '../stats/translator-stats.ts'
import { Count, Latency, Percentage, Text, Time } from './fields.ts'

const TranslatorRow = Type.Object({
  translator_name: Text(),
  total_requests: Count(),
  successful_requests: Count('The client received a complete answer that is not an error.'),
  failed_requests: Count('Refused, failed or interrupted.'),
  client_closed: Count('Requests whose client disconnected (beyond Olla).'),
  passthrough_requests: Count('Answered by an endpoint that supports the API.'),
  translation_requests: Count('Answered after translation.'),
  streaming_requests: Count(),
  non_streaming_requests: Count(),
  fallback_no_compatible_endpoints: Count('No endpoint could serve the request.'),
  fallback_translator_does_not_support_passthrough: Count('Always 0.'),
  fallback_cannot_passthrough: Count('Translated although passthrough is on.'),
  success_rate: Percentage(),
  passthrough_rate: Percentage(),
  average_latency: Latency(),
})

export const TranslatorStatsSchema = Type.Object({
  timestamp: Time(),
  translators: Type.Array(TranslatorRow, { description: 'Most requested first.' }),
  translations: Type.Array(
    Type.Object({
      from: Text('API of the client, such as `responses`.'),
      to: Text('API of the endpoint, such as `chat`.'),
      total_requests: Count(),
      successful_requests: Count(),
    }),
    { description: 'Requests translated between two APIs, of all APIs (beyond Olla); most requested first.' },
  ),
  summary: Type.Object({
    total_translators: Count(),
    active_translators: Count('With at least one request.'),
    total_requests: Count(),
    total_passthrough: Count(),
    total_translations: Count(),
    total_streaming: Count(),
    total_non_streaming: Count(),
    overall_success_rate: Percentage(),
    overall_passthrough_rate: Percentage(),
  }),
})

/** `/internal/stats/translators`. @param totals by translator name */
export function translatorStatsView(
  totals: Readonly<Record<string, TranslatorTotals>>,
  translations: readonly TranslationTotals[],
  nowMs: number,
): Static<typeof TranslatorStatsSchema> {
  const entries = Object.entries(totals).sort(([, a], [, b]) => b.requests - a.requests)
  const sum = (column: keyof TranslatorTotals) =>
    entries.reduce((all, [, counted]) => all + counted[column], 0)
  return {
    timestamp: formatTime(nowMs),
    translators: entries.map(([name, counted]) => ({
      translator_name: name,
      total_requests: counted.requests,
      successful_requests: counted.successes,
      failed_requests: counted.failures,
      client_closed: counted.clientClosed,
      passthrough_requests: counted.passthrough,
      translation_requests: counted.translation,
      streaming_requests: counted.streaming,
      non_streaming_requests: counted.nonStreaming,
      fallback_no_compatible_endpoints: counted.fallbackNoEndpoints,
      fallback_translator_does_not_support_passthrough: 0,
      fallback_cannot_passthrough: counted.fallbackCannotPassthrough,
      success_rate: share(counted.successes, counted.successes + counted.failures),
      passthrough_rate: share(counted.passthrough, counted.passthrough + counted.translation),
      average_latency: formatLatency(counted.requests === 0 ? 0 : counted.durationSumMs / counted.requests),
    })),
    translations: translations
      .map(({ from, to, outcomes }) => ({
        from,
        to,
        total_requests: Object.values(outcomes).reduce((all, count) => all + count, 0),
        successful_requests: outcomes.success,
      }))
      .sort((a, b) => b.total_requests - a.total_requests),
    summary: {
      total_translators: entries.length,
      active_translators: entries.filter(([, { requests }]) => requests > 0).length,
      total_requests: sum('requests'),
      total_passthrough: sum('passthrough'),
      total_translations: sum('translation'),
      total_streaming: sum('streaming'),
      total_non_streaming: sum('nonStreaming'),
      overall_success_rate: share(sum('successes'), sum('successes') + sum('failures')),
      overall_passthrough_rate: share(sum('passthrough'), sum('passthrough') + sum('translation')),
    },
  }
}

/** 0 % of zero, like Olla. */
function share(part: number, whole: number): string {
  return formatPercentage(whole === 0 ? 0 : (part / whole) * 100)
}
