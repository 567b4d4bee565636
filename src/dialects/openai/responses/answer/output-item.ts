import type { TokenLogprob } from '../../../hub/contract/answer.ts'
import type { EventLog } from './event-log.ts'

export type ItemStatus = 'completed' | 'incomplete'

/**
 * An item of `output` while it grows. Streamed or not, the same object writes it, so that the events of an item and the
 * item in the whole response are identical. Methods get the log of a stream; it is undefined for a whole response.
 */
export interface OutputItem {
  begin(log: EventLog | undefined): void
  append(log: EventLog | undefined, text: string, logprobs: readonly TokenLogprob[] | undefined): void
  /**
   * Ends the item, once.
   * @param signature of thinking
   * @returns the JSON text of the item
   */
  end(log: EventLog | undefined, status: ItemStatus, signature: string): string
}

/** The members that identify an item in its events. */
export function itemPlace(id: string, index: number): string {
  return `"item_id":"${id}","output_index":${index}`
}

export function writeAdded(log: EventLog | undefined, index: number, item: string): void {
  log?.write('response.output_item.added', `"output_index":${index},"item":${item}`)
}

export function writeDone(log: EventLog | undefined, index: number, item: string): void {
  log?.write('response.output_item.done', `"output_index":${index},"item":${item}`)
}
