import { announcement } from '../live/announcement.ts'

export const Announcer = () => (
  <div class="unseen" role="status" aria-live="polite">
    {announcement}
  </div>
)
