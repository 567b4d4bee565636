import { longTextPlan } from '../../../kernel/json/long-texts.ts'
import type { Format } from '../../hub/format.ts'
import { ChatReader } from './answer/read-answer.ts'
import { chatWriter } from './answer/write-answer.ts'
import { chatFates } from './request/chat-fates.ts'
import { readChatRequest } from './request/read-request.ts'
import { chatFields } from './request/request-fields.ts'
import { writeChatRequest } from './request/write-request.ts'

/** OpenAI's Chat Completions. */
export const chatFormat: Format = {
  name: 'chat',
  path: '/v1/chat/completions',
  framing: 'sse',
  streamType: 'text/event-stream; charset=utf-8',
  callIdPrefix: 'call',
  hasRefusals: true,
  fields: chatFields,
  fates: chatFates,
  longTexts: longTextPlan({ paths: ['messages.content', 'messages.content.text'], messages: 'messages' }),
  readRequest: readChatRequest,
  writeRequest: writeChatRequest,
  readAnswer: (builder) => new ChatReader(builder),
  writeAnswer: chatWriter,
}
