import { Type } from '@sinclair/typebox'
import { Section } from './sections.ts'
import { Duration } from './units.ts'

/** Events that a webhook can get. */
export const webhookEvents = [
  'callers.budget',
  'callers.limit',
  'callers.changed',
  'callers.store',
  'callers.ledger',
  'callers.issuer',
] as const
export type WebhookEvent = (typeof webhookEvents)[number]

export const minWebhookSecretLength = 24

export const WebhookSchema = Section(
  {
    url: Type.String({
      minLength: 1,
      description: 'URL (`https` or `http`) that gets a POST for each event; redirects are not followed.',
    }),
    secret: Type.Optional(
      Type.String({
        minLength: minWebhookSecretLength,
        description: 'Secret that signs each message: `whsec_` and base64, or any other text.',
      }),
    ),
    secret_file: Type.Optional(Type.String({ description: 'File that contains the secret instead.' })),
    events: Type.Array(Type.Unsafe<WebhookEvent>({ type: 'string', enum: [...webhookEvents] }), {
      default: ['callers.budget', 'callers.limit'],
      minItems: 1,
      description: 'Events to send.',
    }),
    timeout: Duration({ default: '10s', description: 'Maximum time for one delivery.' }),
  },
  'A URL that gets events, signed as in Standard Webhooks.',
)

/** Whether a secret has the form of Standard Webhooks, but is not valid. */
export function isBrokenKey(secret: string): boolean {
  return secret.startsWith('whsec_') && !/^whsec_[A-Za-z0-9+/]+={0,2}$/.test(secret)
}
