import type { AppliedTranslation } from './request-translation.ts'

/** The part of a request's record that a translation changes. */
export interface TranslatedRequest {
  translation: AppliedTranslation | undefined
  /** Headers for any answer to the request, as flat name/value pairs. */
  readonly headers: string[]
}

/** Notes how an attempt is translated, and in the answer's headers what was dropped. */
export function noteTranslation(request: TranslatedRequest, applied: AppliedTranslation): void {
  request.translation = applied
  const { headers } = request
  const at = headers.indexOf('X-Olla-Dropped')
  // An earlier attempt may have dropped other features.
  if (at >= 0) headers.splice(at, 2)
  if (applied.dropped.length > 0) headers.push('X-Olla-Dropped', applied.dropped.join(', '))
}
