import { labelText } from './exposition.ts'
import type { Metric } from './metric.ts'

/** What the ledger has counted since the process started. */
export interface CallerMetricsSource {
  readonly totals: readonly {
    readonly kind: 'key' | 'team'
    readonly name: string
    readonly usage: Readonly<
      Record<
        | 'ok'
        | 'clientErrors'
        | 'upstreamErrors'
        | 'cancelled'
        | 'refused'
        | 'promptTokens'
        | 'cachedTokens'
        | 'reasoningTokens'
        | 'completionTokens'
        | 'cost',
        number
      >
    >
  }[]
  readonly ledger: {
    readonly isWritable: boolean
    readonly pendingRows: number
    readonly lostRequests: number
    readonly writtenRequests: number
  }
}

type Source = CallerMetricsSource | undefined

/** Metrics of keys and teams; absent if the thread that counts does not answer. */
export const callerMetrics: readonly Metric<Source>[] = [
  {
    name: 'olla_caller_requests',
    type: 'counter',
    help: 'Finished requests by key and by team, with the outcomes of the ledger. Each is counted for both.',
    labels: ['kind', 'name', 'outcome'],
    collect: (source, out) => {
      for (const { kind, name, usage } of source?.totals ?? []) {
        out.sample(usage.ok, labelText({ kind, name, outcome: 'ok' }))
        out.sample(usage.clientErrors, labelText({ kind, name, outcome: 'client_error' }))
        out.sample(usage.upstreamErrors, labelText({ kind, name, outcome: 'upstream_error' }))
        out.sample(usage.cancelled, labelText({ kind, name, outcome: 'cancelled' }))
        out.sample(usage.refused, labelText({ kind, name, outcome: 'refused' }))
      }
    },
  },
  {
    name: 'olla_caller_tokens',
    type: 'counter',
    help: 'Tokens by key and by team. Prompt includes cached, and completion includes reasoning.',
    labels: ['kind', 'name', 'type'],
    collect: (source, out) => {
      for (const { kind, name, usage } of source?.totals ?? []) {
        out.sample(usage.promptTokens, labelText({ kind, name, type: 'prompt' }))
        out.sample(usage.cachedTokens, labelText({ kind, name, type: 'cached' }))
        out.sample(usage.reasoningTokens, labelText({ kind, name, type: 'reasoning' }))
        out.sample(usage.completionTokens, labelText({ kind, name, type: 'completion' }))
      }
    },
  },
  {
    name: 'olla_caller_cost',
    type: 'counter',
    help: 'Cost by the price table, by key and by team.',
    labels: ['kind', 'name'],
    collect: (source, out) => {
      for (const { kind, name, usage } of source?.totals ?? [])
        out.sample(usage.cost, labelText({ kind, name }))
    },
  },
  {
    name: 'olla_ledger_up',
    type: 'gauge',
    help: 'Whether the last write of the ledger succeeded.',
    collect: (source, out) => {
      if (source !== undefined) out.sample(Number(source.ledger.isWritable))
    },
  },
  {
    name: 'olla_ledger_pending_rows',
    type: 'gauge',
    help: 'Rows of the ledger in memory that are not written yet.',
    collect: (source, out) => {
      if (source !== undefined) out.sample(source.ledger.pendingRows)
    },
  },
  {
    name: 'olla_ledger_written_requests',
    type: 'counter',
    help: 'Requests that the ledger has written.',
    collect: (source, out) => {
      if (source !== undefined) out.sample(source.ledger.writtenRequests)
    },
  },
  {
    name: 'olla_ledger_lost_requests',
    type: 'counter',
    help: 'Requests that the ledger could not keep, because the store was away for too long.',
    collect: (source, out) => {
      if (source !== undefined) out.sample(source.ledger.lostRequests)
    },
  },
]
