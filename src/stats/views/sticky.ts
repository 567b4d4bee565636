import { type Static, Type } from '@sinclair/typebox'

export const StickySchema = Type.Object({ enabled: Type.Boolean() })

/** `/internal/stats/sticky`: no session is bound to an endpoint. */
export function stickyView(): Static<typeof StickySchema> {
  return { enabled: false }
}
