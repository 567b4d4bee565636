import { longTextPlan } from '../../../kernel/json/long-texts.ts'
import type { Format } from '../../hub/format.ts'
import { MendedEvents } from './answer/mended-events.ts'
import { ResponsesReader } from './answer/read-answer.ts'
import { responsesWriter } from './answer/write-answer.ts'
import { readResponsesRequest, responsesFields } from './request/read-request.ts'
import { responsesFates } from './request/responses-fates.ts'
import { writeResponsesRequest } from './request/write-request.ts'

/** OpenAI's Responses. */
export const responsesFormat: Format = {
  name: 'responses',
  path: '/v1/responses',
  framing: 'sse',
  streamType: 'text/event-stream; charset=utf-8',
  callIdPrefix: 'call',
  hasRefusals: true,
  fields: responsesFields,
  fates: responsesFates,
  longTexts: longTextPlan({
    paths: ['input', 'input.content', 'input.content.text', 'input.output', 'input.output.text'],
    messages: 'input',
  }),
  readRequest: readResponsesRequest,
  writeRequest: writeResponsesRequest,
  readAnswer: (builder) => new ResponsesReader(builder),
  writeAnswer: responsesWriter,
  mendStream: (model, createdAt) => new MendedEvents(model, createdAt),
}
