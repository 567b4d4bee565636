import type { SectionOptions } from '../../config/options/sections.ts'
import type { WebhookEvent } from '../../config/schema/webhooks-schema.ts'
import type { UpstreamFetch } from '../../endpoints/connections/fetch.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { GatewayEvent, GatewayEvents } from '../../runtime/events/events.ts'
import { type WebhookMessage, webhookMessage } from './message.ts'
import { signedHeaders, webhookKey } from './signature.ts'
import { type SendMessage, WebhookQueue, type WebhookState } from './webhook-queue.ts'

type Settings = SectionOptions<'callers'>['webhooks'][number]

export interface WebhookServices {
  readonly clock: Clock
  readonly random: () => number
  readonly fetch: UpstreamFetch
  /** Identifies this process among all. */
  readonly run: string
  readonly onState: (change: GatewayEvents['callers.webhook']) => void
}

/** How a webhook is. */
export interface WebhookStatus extends WebhookState {
  readonly origin: string
  readonly events: readonly WebhookEvent[]
}

/** One configured webhook. */
export interface Webhook {
  /** Of its URL: services have secrets in the rest. */
  readonly origin: string
  readonly events: readonly WebhookEvent[]
  readonly queue: WebhookQueue
  readonly add: (event: GatewayEvent) => void
}

export function webhooksOf(settings: readonly Settings[], services: WebhookServices): Webhook[] {
  return settings.map((each, index) => webhookOf(each, index, services))
}

export function webhookStatuses(webhooks: readonly Webhook[]): WebhookStatus[] {
  return webhooks.map(({ origin, events, queue }) => ({ origin, events, ...queue.state }))
}

function webhookOf(settings: Settings, webhook: number, services: WebhookServices): Webhook {
  const { clock, random, run, onState } = services
  const { origin } = new URL(settings.url)
  const queue = new WebhookQueue({
    clock,
    random,
    send: sender(settings, services),
    onState({ error, pending, dropped }: WebhookState) {
      const state = error === undefined ? 'delivering' : 'failing'
      onState({ state, webhook, origin, reason: error ?? null, pending, dropped })
    },
  })
  return {
    origin,
    events: settings.events,
    queue,
    add: (event) => queue.push(webhookMessage(event, run)),
  }
}

/** Answers are only read to reuse the connection. */
const maxAnswerBytes = 65_536

function sender(
  { url, secret = '', timeout: timeoutMs }: Settings,
  { clock, fetch }: Pick<WebhookServices, 'clock' | 'fetch'>,
): SendMessage {
  const key = webhookKey(secret)
  return async ({ id, body }: WebhookMessage) => {
    const headers = [
      'Content-Type',
      'application/json',
      'User-Agent',
      'olla-gateway',
      ...signedHeaders(key, id, clock.nowMs(), body),
    ]
    const answer = await fetch({
      url,
      headers,
      body,
      timeoutMs,
      maxBytes: maxAnswerBytes,
      dropsBody: true,
      keepsRedirects: true,
    })
    return { statusCode: answer.statusCode, retryAfterMs: secondsOf(answer.header('retry-after')) }
  }
}

function secondsOf(retryAfter: string | undefined): number | undefined {
  return retryAfter !== undefined && /^[0-9]{1,6}$/.test(retryAfter) ? Number(retryAfter) * 1000 : undefined
}
