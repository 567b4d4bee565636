import { feedState, live, status } from '../live/gateway.ts'
import { Notice } from '../ui/notice.tsx'

/** Why the page cannot reach the gateway, if it cannot. */
export function ConnectionNotice() {
  const state = feedState.value
  const { error } = status.state.value
  if (state === 'signed_out' || error?.trouble === 'signed_out') {
    return (
      <Notice tone="bad" title="You are signed out">
        <a href="./login">Sign in with the admin token</a> to go on.
      </Notice>
    )
  }
  if (state === 'refused') {
    return (
      <Notice tone="bad" title="The gateway refuses this page">
        Its address or host name is not in dashboard.access_policy.
      </Notice>
    )
  }
  if (error?.trouble === 'unreachable') {
    return (
      <Notice tone="bad" title="The gateway does not respond">
        What is shown is from before; the page keeps trying.
      </Notice>
    )
  }
  const { missed } = live.value
  if (missed > 0) {
    return (
      <Notice tone="warn" title={`${missed} events were missed`}>
        The gateway no longer kept them when this page reconnected.
      </Notice>
    )
  }
  return null
}
