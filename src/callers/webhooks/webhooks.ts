import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { SectionOptions } from '../../config/options/sections.ts'
import type { WebhookEvent } from '../../config/schema/webhooks-schema.ts'
import type { UpstreamFetch } from '../../endpoints/connections/fetch.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { GatewayEvent, GatewayEvents } from '../../runtime/events/events.ts'
import type { KeptMessages } from './kept-messages.ts'
import { type WebhookMessage, webhookMessage } from './message.ts'
import { signedHeaders, webhookKey } from './signature.ts'
import { type SendMessage, WebhookQueue, type WebhookState } from './webhook-queue.ts'

export type WebhookSettings = SectionOptions<'callers'>['webhooks'][number]

export interface WebhookServices {
  readonly clock: Clock
  readonly random: () => number
  readonly fetch: UpstreamFetch
  /** Identifies this process among all. */
  readonly run: string
  readonly onState: (change: GatewayEvents['callers.webhook']) => void
  /** Calls a function with each event of these types. @returns a function that ends it */
  readonly subscribe: (types: readonly WebhookEvent[], listener: (event: GatewayEvent) => void) => () => void
  /** Undefined without a store. */
  readonly kept: Pick<KeptMessages, 'put' | 'remove' | 'take'> | undefined
}

/** How a webhook is. */
export interface WebhookStatus extends WebhookState {
  readonly origin: string
  readonly events: readonly WebhookEvent[]
}

/** The configured webhooks, each with its queue. */
export class Webhooks {
  readonly #services: WebhookServices
  #all: readonly Webhook[] = []

  constructor(services: WebhookServices) {
    this.#services = services
  }

  /**
   * Takes over the webhooks of a configuration. One whose settings stay keeps its queue; another gets what the store has
   * for its URL.
   */
  set(settings: readonly WebhookSettings[]): void {
    const before = new Set(this.#all)
    this.#all = settings.map((each) => {
      const same = [...before].find((webhook) => isDeepStrictEqual(webhook.settings, each))
      if (same !== undefined) before.delete(same)
      return same ?? new Webhook(each, this.#services, (webhook) => this.#all.indexOf(webhook))
    })
    const closed = [...before].map((webhook) => webhook.close())
    // A queue that ends may still be delivering what the next one would find.
    void Promise.all(closed).then(() => this.takeKept())
  }

  statuses(): WebhookStatus[] {
    return this.#all.map(({ origin, settings: { events }, queue }) => ({ origin, events, ...queue.state }))
  }

  /** Queues what processes that have ended could not deliver. */
  async takeKept(): Promise<void> {
    await Promise.allSettled(this.#all.map((webhook) => webhook.takeKept()))
  }

  /** @returns messages that have not arrived */
  async close(): Promise<number> {
    const left = await Promise.all(this.#all.map((webhook) => webhook.close()))
    return left.reduce((sum, each) => sum + each, 0)
  }
}

class Webhook {
  readonly settings: WebhookSettings
  /** Of its URL: services have secrets in the rest. */
  readonly origin: string
  readonly queue: WebhookQueue
  readonly #name: string
  readonly #kept: WebhookServices['kept']
  readonly #unsubscribe: () => void
  #isNew = true

  /** @param placeOf the place of a webhook in the configuration */
  constructor(settings: WebhookSettings, services: WebhookServices, placeOf: (webhook: Webhook) => number) {
    const { clock, random, run, kept, onState, subscribe } = services
    const name = nameOf(settings.url)
    this.settings = settings
    this.origin = new URL(settings.url).origin
    this.#name = name
    this.#kept = kept
    this.queue = new WebhookQueue({
      clock,
      random,
      send: sender(settings, services),
      onState: ({ error, pending, dropped }) => {
        const state = error === undefined ? 'delivering' : 'failing'
        const { origin } = this
        onState({ state, webhook: placeOf(this), origin, reason: error ?? null, pending, dropped })
      },
      kept:
        kept === undefined
          ? undefined
          : { put: (queued) => kept.put(name, queued), remove: (id) => kept.remove(name, id) },
    })
    this.#unsubscribe = subscribe(settings.events, (event) => this.queue.push(webhookMessage(event, run)))
  }

  async takeKept(): Promise<void> {
    if (this.#kept === undefined) return
    this.queue.restore(await this.#kept.take(this.#name, this.#isNew))
    this.#isNew = false
  }

  async close(): Promise<number> {
    const left = await this.queue.close()
    this.#unsubscribe()
    return left
  }
}

/** The name of a webhook in the store, which must not contain what is secret in its URL. */
function nameOf(url: string): string {
  return createHash('sha256').update(url).digest('base64url').slice(0, 22)
}

/** Answers are only read to reuse the connection. */
const maxAnswerBytes = 65_536

function sender(
  { url, secret = '', timeout: timeoutMs }: WebhookSettings,
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
