import { signal } from '@preact/signals'

const announcement = signal('')

/** Says something to screen readers, when they are done with what they read. */
export function announce(text: string): void {
  announcement.value = text
}

export const Announcer = () => (
  <div class="unseen" role="status" aria-live="polite">
    {announcement}
  </div>
)
