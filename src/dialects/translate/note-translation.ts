import type { AppliedTranslation } from './request-translation.ts'

/** The part of a request's record that a translation changes. */
export interface TranslatedRequest {
  translation: AppliedTranslation | undefined
  /** Headers for any answer to the request, as flat name/value pairs. */
  readonly headers: string[]
}

/** Forgets how an earlier attempt was translated: the next one may not be. */
export function noteAttempt(request: TranslatedRequest): void {
  if (request.translation === undefined) return
  request.translation = undefined
  const at = request.headers.indexOf('X-Olla-Dropped')
  if (at >= 0) request.headers.splice(at, 2)
}

/** Notes how an attempt is translated, and in the answer's headers what was dropped. */
export function noteTranslation(request: TranslatedRequest, applied: AppliedTranslation): void {
  noteAttempt(request)
  request.translation = applied
  const { headers } = request
  if (applied.dropped.length > 0) headers.push('X-Olla-Dropped', applied.dropped.join(', '))
}
