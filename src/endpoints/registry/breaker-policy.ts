import type { OptionsOf } from '../../config/options/options.ts'
import type { BreakerSchema } from '../../config/schema/proxy-schema.ts'

/** When a circuit opens and for how long. */
export interface BreakerPolicy extends Omit<OptionsOf<typeof BreakerSchema>, 'failureStatuses'> {
  readonly failureStatuses: ReadonlySet<number>
}
