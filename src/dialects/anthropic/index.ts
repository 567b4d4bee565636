import type { Dialect } from '../contract/dialect.ts'
import { anthropicErrors } from './errors/errors.ts'
import { writeLimit } from './limit-headers.ts'
import { messagesFormat } from './messages/format.ts'
import { messages } from './messages.ts'
import { anthropicLists } from './model-list.ts'

const ping = 'event: ping\ndata: {"type":"ping"}\n\n'
const streamHeaders = ['Content-Type', 'text/event-stream; charset=utf-8', 'Cache-Control', 'no-cache']

/** Anthropic's API. */
export const anthropic = {
  name: 'anthropic',
  paths: {
    owns: (path) => path.includes('/anthropic/') || /\/v1\/messages(?:\/|$)/.test(path),
    shared: {
      header: 'anthropic-version',
      paths: /^\/v1\/(?:models|files|complete|skills|organizations)(?:\/|$)/,
    },
    inference: ['messages', 'messages/count_tokens', 'messages/batches/**'],
    postOnly: ['/v\\d+/messages(?:/count_tokens)?'],
    acceptsName: undefined,
    management: undefined,
  },
  errors: anthropicErrors,
  answers: [messages],
  models: anthropicLists,
  keepAlive: {
    // Keeps idle connections open.
    event: Buffer.from(ping),
    headers: streamHeaders,
  },
  waiting: {
    format: 'sse',
    headers: streamHeaders,
    note: () => ping,
  },
  writeLimit,
  requestIdHeader: 'request-id',
  formats: [messagesFormat],
  translatedPaths: ['/v1/messages'],
} satisfies Dialect
