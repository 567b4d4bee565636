import type { StreamFraming } from '../../kernel/stream/framing.ts'
import type { AnswerForm } from '../contract/answer-form.ts'
import type { Dialect, ErrorParts } from '../contract/dialect.ts'

/**
 * The last bytes of a broken stream: an error event that clients of the dialect recognize.
 * @param form of the answer that the client expects
 * @param tail returns the last bytes of the stream, as latin1
 */
export function errorEvent(
  { errors }: Dialect,
  form: AnswerForm | undefined,
  framing: StreamFraming,
  error: ErrorParts,
  requestId: string,
  tail: () => string,
): string {
  if (framing === 'sse' && form?.brokenStreamEvent !== undefined) return form.brokenStreamEvent(error, tail())
  return errors.event(framing, JSON.stringify(errors.body(error, requestId)))
}
