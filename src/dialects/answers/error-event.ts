import type { AnswerForm, StreamFraming } from '../contract/answer-form.ts'
import type { Dialect, ErrorParts } from '../contract/dialect.ts'

/**
 * The last bytes of a stream that broke: an error event as the dialect's clients expect it.
 * @param form of the answer, as its client asked for it
 * @param tail gives the last bytes of the stream, as latin1
 */
export function errorEvent(
  { errors }: Dialect,
  form: AnswerForm | undefined,
  framing: StreamFraming,
  error: ErrorParts,
  requestId: string,
  tail: () => string,
): string {
  if (framing === 'sse' && form?.breakEvent !== undefined) return form.breakEvent(error, tail())
  return errors.event(framing, JSON.stringify(errors.body(error, requestId)))
}
