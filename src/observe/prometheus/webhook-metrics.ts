import { labelText } from './exposition.ts'
import type { Metric } from './metric.ts'

/** A webhook and its messages; its place in the list is its name. */
export interface WebhookMetricsSource {
  readonly origin: string
  readonly pending: number
  readonly delivered: number
  readonly failures: number
  readonly dropped: number
}

type Source = readonly WebhookMetricsSource[] | undefined

const labelsOf = ({ origin }: WebhookMetricsSource, index: number) => ({ webhook: String(index), origin })

/** Metrics of webhooks; absent if the thread that sends does not answer. */
export const webhookMetrics: readonly Metric<Source>[] = [
  {
    name: 'olla_webhook_messages',
    type: 'counter',
    help: 'Messages to a webhook that have arrived (delivered), and that were given up (dropped).',
    labels: ['webhook', 'origin', 'outcome'],
    collect: (source, out) => {
      for (const [index, webhook] of (source ?? []).entries()) {
        out.sample(webhook.delivered, labelText({ ...labelsOf(webhook, index), outcome: 'delivered' }))
        out.sample(webhook.dropped, labelText({ ...labelsOf(webhook, index), outcome: 'dropped' }))
      }
    },
  },
  {
    name: 'olla_webhook_failed_attempts',
    type: 'counter',
    help: 'Attempts to deliver a message that failed; each is repeated until the message is given up.',
    labels: ['webhook', 'origin'],
    collect: (source, out) => {
      for (const [index, webhook] of (source ?? []).entries())
        out.sample(webhook.failures, labelText(labelsOf(webhook, index)))
    },
  },
  {
    name: 'olla_webhook_pending_messages',
    type: 'gauge',
    help: 'Messages to a webhook that have not arrived yet.',
    labels: ['webhook', 'origin'],
    collect: (source, out) => {
      for (const [index, webhook] of (source ?? []).entries())
        out.sample(webhook.pending, labelText(labelsOf(webhook, index)))
    },
  },
]
