import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

export interface ReceivedMessage {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly text: string
  readonly body: { readonly type: string; readonly data: Readonly<Record<string, unknown>> }
}

/**
 * A server that receives messages of webhooks.
 * @param answer to each message, by the number of those before it
 */
export async function startWebhookReceiver(
  t: TestContext,
  answer: (response: ServerResponse, before: number) => void = (response) => response.writeHead(204).end(),
) {
  const messages: ReceivedMessage[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const { url: path = '', headers } = request
    messages.push({ path, headers, text, body: JSON.parse(text === '' ? '{}' : text) })
    answer(response, messages.length - 1)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, messages }
}

/** Whether a message is signed with this secret, as a receiver checks it. */
export function isSigned({ headers, text }: ReceivedMessage, secret: string): boolean {
  const content = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${text}`
  const signature = createHmac('sha256', secret).update(content).digest('base64')
  return headers['webhook-signature'] === `v1,${signature}`
}
