/** Before a key that differs from its default. */
export const ChangedMark = () => (
  <>
    <span class="changed-mark" aria-hidden="true">
      ◆{' '}
    </span>
    <span class="unseen">changed: </span>
  </>
)
