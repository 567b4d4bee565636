import { signal } from '@preact/signals'

/** The next text for screen readers. */
export const announcement = signal('')

/** Announces a text to screen readers when they have finished the current one. */
export function announce(text: string): void {
  announcement.value = text
}
