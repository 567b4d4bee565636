import { signal } from '@preact/signals'

/** What screen readers are told of next. */
export const announcement = signal('')

/** Says something to screen readers, when they are done with what they read. */
export function announce(text: string): void {
  announcement.value = text
}
