import { createHash } from 'node:crypto'
import { eventView } from '../../runtime/events/event-view.ts'
import type { GatewayEvent } from '../../runtime/events/events.ts'

/** A message for a webhook. */
export interface WebhookMessage {
  /** The same for each delivery of the message, so that receivers can recognize repetitions. */
  readonly id: string
  readonly body: Buffer
}

/**
 * The message for an event, with the data that `/internal/events` has. Crossings of a budget have the same ID in all
 * gateways and after a restart, because the same crossing may be found again.
 * @param run identifies this process among all
 */
export function webhookMessage(event: GatewayEvent, run: string): WebhookMessage {
  const { type } = event
  const id = createHash('sha256')
    .update(JSON.stringify(identityOf(event, run)))
    .digest('base64url')
  const { at, data } = eventView(event, '')
  return { id: `msg_${id.slice(0, 24)}`, body: Buffer.from(JSON.stringify({ type, timestamp: at, data })) }
}

function identityOf({ type, sequence, data }: GatewayEvent, run: string): unknown[] {
  if (type !== 'callers.budget') return [type, run, sequence]
  const { state, kind, id, counted, window, resetsAt } = data
  return [type, state, kind, id, counted, window, resetsAt]
}
