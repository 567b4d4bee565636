import type { RequestVariant } from '../variants/request-variant.ts'

/** Wraps a variant to report when the endpoint has accepted it, or a variant derived from it. */
export function onAccepted(variant: RequestVariant, accepted: () => void): RequestVariant {
  const { onRefusal } = variant
  return {
    ...variant,
    ...(onRefusal === undefined
      ? {}
      : {
          onRefusal(head, body) {
            const next = onRefusal(head, body)
            return next === undefined ? undefined : onAccepted(next, accepted)
          },
        }),
    answer(head) {
      if (head.statusCode < 400) accepted()
      return variant.answer?.(head)
    },
  }
}
