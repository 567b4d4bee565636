import type { RequestVariant } from './request-variant.ts'

/**
 * A form of the client's own request that changes only details, such as the request for usage, with the fallback of
 * another form: if the endpoint refuses it, the fallback is tried first.
 */
export function withFallback(variant: RequestVariant, fallback: RequestVariant): RequestVariant {
  return {
    ...variant,
    ...(fallback.mode === undefined ? {} : { mode: fallback.mode }),
    onRefusal: (head, body) => fallback.onRefusal?.(head, body) ?? variant.onRefusal?.(head, body),
  }
}
