import { shownReplica } from '../api/http.ts'
import { Notice } from '../ui/notice.tsx'

/** Whose data the page shows, if it is another replica's. */
export function ReplicaNotice() {
  if (shownReplica === null) return null
  return (
    <aside aria-label="Shown replica">
      <Notice tone="calm" title={`Shown is replica ${shownReplica}`}>
        It is read through the server that the replicas share, and cannot be changed here.{' '}
        <a href={location.pathname}>Show the replica that serves this page</a>
      </Notice>
    </aside>
  )
}
