import type { KeyChange } from '../../config/changes/compare.ts'
import type { Topic } from '../../runtime/links/peer-link.ts'
import type { EndpointInput, OverlayError, OverlayView } from './endpoint-overlay.ts'

/** What an operator asks for. */
export type OverlayOrder = {
  readonly by: string
  readonly dryRun: boolean
  /** The change applies only to this version of the configuration. */
  readonly ifVersion: number | undefined
} & (
  | { readonly action: 'add'; readonly value: EndpointInput }
  | { readonly action: 'change'; readonly name: string; readonly value: EndpointInput }
  | { readonly action: 'remove' | 'reset'; readonly name: string }
)

export type OverlayResult =
  | {
      readonly outcome: 'applied' | 'unchanged'
      readonly name: string
      readonly version: number
      readonly changes: readonly KeyChange[]
      /** Why the state file could not be written; the change lasts until the gateway stops. */
      readonly notKept: string | undefined
    }
  | { readonly outcome: OverlayError['kind'] | 'stale' | 'refused'; readonly reason: string }

/** Adds, changes or removes an endpoint on all threads. */
export const overlayOrderTopic: Topic<OverlayOrder, OverlayResult> = 'endpoints.order'

export interface OverlayStatus {
  readonly version: number
  readonly endpoints: readonly (OverlayView & {
    readonly name: string
    /** In the form of the file, secrets masked. */
    readonly settings: EndpointInput
  })[]
  /** Names of endpoints that an operator has removed. */
  readonly removed: readonly string[]
}

export const overlayStatusTopic: Topic<undefined, OverlayStatus> = 'endpoints.overlay'

/** Longer than a change takes, with endpoints that do not answer and slow threads. */
export const overlayMs = 60_000
