import { createHmac } from 'node:crypto'

/** The key that a secret stands for: `whsec_` and base64 (Standard Webhooks), or the text itself. */
export function webhookKey(secret: string): Buffer {
  return secret.startsWith('whsec_')
    ? Buffer.from(secret.slice('whsec_'.length), 'base64')
    : Buffer.from(secret)
}

/**
 * Headers that identify and sign a message, as in https://www.standardwebhooks.com. The signature covers the ID, the
 * time and the body, so none of them can be changed or repeated later unnoticed.
 * @returns flat name/value pairs
 */
export function signedHeaders(key: Buffer, id: string, atMs: number, body: Buffer): string[] {
  const timestamp = String(Math.floor(atMs / 1000))
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')
  return ['webhook-id', id, 'webhook-timestamp', timestamp, 'webhook-signature', `v1,${signature}`]
}
