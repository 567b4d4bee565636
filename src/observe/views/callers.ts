import { type Static, Type } from '@sinclair/typebox'
import { formatTime } from '../../kernel/format.ts'
import { Count, NullableText, Text } from './fields.ts'

/** How the parts of callers are. */
export interface CallersSource {
  /** Undefined without a store. */
  readonly storeIsCurrent: boolean | undefined
  /** Undefined if use is not counted, or the thread that counts does not answer. */
  readonly ledger: LedgerSource | undefined
  /** Undefined without webhooks, or if the thread that sends does not answer. */
  readonly webhooks: readonly WebhookSource[] | undefined
}

export interface LedgerSource {
  readonly isWritable: boolean
  readonly failure: string | undefined
  readonly failingSinceMs: number | undefined
  readonly lastWriteAtMs: number | undefined
  readonly pendingRows: number
  readonly pendingSinceMs: number | undefined
  readonly lostRequests: number
  readonly writtenRequests: number
}

export interface WebhookSource {
  readonly origin: string
  readonly events: readonly string[]
  readonly pending: number
  readonly delivered: number
  readonly failures: number
  readonly dropped: number
  readonly lastDeliveryAtMs: number | undefined
  readonly error: string | undefined
  readonly failingSinceMs: number | undefined
}

export const LedgerField = Type.Object(
  {
    writable: Type.Boolean({ description: 'Whether the last write succeeded.' }),
    pending_rows: Count('Rows in memory that are not in the store yet.'),
    pending_since: NullableText('RFC 3339.'),
    lag_seconds: Type.Number({ description: 'Age of the oldest of these rows.' }),
    lost_requests: Count('Requests that were not counted, because the store was away for too long.'),
    written_requests: Count('Since the start of the process.'),
    last_write_at: NullableText('RFC 3339.'),
    error: NullableText('`disk_full`, `read_only`, `locked`, `unreachable`, `refused`, `failed`.'),
    failing_since: NullableText('RFC 3339.'),
  },
  { description: 'What is not in the store yet, and why.' },
)

const WebhookField = Type.Object({
  origin: Text('Of its URL.'),
  events: Type.Array(Type.String()),
  pending: Count('Messages that have not arrived yet.'),
  delivered: Count(),
  failures: Count('Attempts that failed.'),
  dropped: Count('Messages that were given up.'),
  last_delivery_at: NullableText('RFC 3339.'),
  error: NullableText('Why the last attempt failed.'),
  failing_since: NullableText('RFC 3339.'),
})

export const WebhooksView = Type.Object({
  webhooks: Type.Array(WebhookField, { description: 'In the order of the configuration.' }),
})

export const CallersField = Type.Object(
  {
    store: Type.Optional(Type.Object({ available: Type.Boolean() })),
    ledger: Type.Optional(LedgerField),
    webhooks: Type.Optional(Type.Array(WebhookField)),
  },
  { description: 'Of API keys (beyond Olla); absent if clients need none.' },
)

export function callersView(
  { storeIsCurrent, ledger, webhooks }: CallersSource,
  nowMs: number,
): Static<typeof CallersField> {
  return {
    ...(storeIsCurrent === undefined ? {} : { store: { available: storeIsCurrent } }),
    ...(ledger === undefined ? {} : { ledger: ledgerView(ledger, nowMs) }),
    ...(webhooks === undefined ? {} : { webhooks: webhooks.map(webhookView) }),
  }
}

export function webhooksView(webhooks: readonly WebhookSource[]): Static<typeof WebhooksView> {
  return { webhooks: webhooks.map(webhookView) }
}

export function ledgerView(ledger: LedgerSource, nowMs: number): Static<typeof LedgerField> {
  const { isWritable, pendingRows, pendingSinceMs, lostRequests, writtenRequests, failure } = ledger
  return {
    writable: isWritable,
    pending_rows: pendingRows,
    pending_since: timeOrNull(pendingSinceMs),
    lag_seconds: pendingSinceMs === undefined ? 0 : Math.max(0, nowMs - pendingSinceMs) / 1000,
    lost_requests: lostRequests,
    written_requests: writtenRequests,
    last_write_at: timeOrNull(ledger.lastWriteAtMs),
    error: failure ?? null,
    failing_since: timeOrNull(ledger.failingSinceMs),
  }
}

function webhookView(webhook: WebhookSource): Static<typeof WebhookField> {
  const { origin, events, pending, delivered, failures, dropped, error = null } = webhook
  return {
    origin,
    events: [...events],
    pending,
    delivered,
    failures,
    dropped,
    last_delivery_at: timeOrNull(webhook.lastDeliveryAtMs),
    error,
    failing_since: timeOrNull(webhook.failingSinceMs),
  }
}

function timeOrNull(atMs: number | undefined): string | null {
  return atMs === undefined ? null : formatTime(atMs)
}
