/** Values that report a failure of the endpoint. */
const broken: ReadonlySet<string> = new Set(['error', 'abort', 'aborted', 'cancelled', 'network_error'])

/** Whether the reason for an end reports an incomplete answer. */
export function isBrokenFinish(reason: string): boolean {
  return broken.has(reason)
}
