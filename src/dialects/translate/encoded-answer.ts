import { headerValue, type UpstreamHead } from '../../http/headers/response-headers.ts'
import { brokenAnswer } from '../hub/answer/answer-builder.ts'
import type { AnswerWriter } from '../hub/contract/answer.ts'
import type { GatheredAnswer } from '../variants/request-variant.ts'

/** Whether an endpoint compressed its answer, although the request did not accept that. */
export function isEncoded({ headers }: UpstreamHead): boolean {
  const encoding = headerValue(headers, 'content-encoding')
  return encoding !== undefined && encoding !== 'identity'
}

/** For an answer whose content cannot be read. @param writer of whole answers */
export function unreadable(writer: AnswerWriter): GatheredAnswer {
  return {
    isOver: true,
    push: () => undefined,
    end() {
      writer.fail(brokenAnswer('The endpoint compressed its answer, which the request did not accept.'))
      return {
        statusCode: 502,
        headers: ['Content-Type', 'application/json; charset=utf-8'],
        body: Buffer.from(writer.take()),
      }
    },
  }
}
