import type { Format } from '../../hub/format.ts'
import { MessagesReader } from './answer/read-answer.ts'
import { messageWriter } from './answer/write-answer.ts'
import { messagesFates } from './request/messages-fates.ts'
import { messagesFields } from './request/messages-fields.ts'
import { messagesTexts } from './request/messages-texts.ts'
import { readMessages } from './request/read-request.ts'
import { writeMessagesRequest } from './request/write-request.ts'

/** Anthropic's Messages. */
export const messagesFormat: Format = {
  name: 'messages',
  path: '/v1/messages',
  framing: 'sse',
  requestHeaders: ['anthropic-version', '2023-06-01'],
  streamType: 'text/event-stream; charset=utf-8',
  callIdPrefix: 'toolu',
  fields: messagesFields,
  fates: messagesFates,
  longTexts: messagesTexts,
  readRequest: readMessages,
  writeRequest: writeMessagesRequest,
  readAnswer: (builder) => new MessagesReader(builder),
  writeAnswer: ({ isStream, newId, requestId, conversation }) =>
    messageWriter(
      { messageId: newId('msg'), requestId },
      isStream,
      conversation.settings.thinking?.isOn === undefined,
    ),
}
