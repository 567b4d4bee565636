import { signal } from '@preact/signals'
import { type RequestFilter, readRequests } from '../api/gateway-api.ts'
import { createResource } from './resource.ts'

export const noFilter: RequestFilter = { model: '', endpoint: '', outcome: '', failover: false }

/** Which of the last requests are shown. */
export const requestFilter = signal<RequestFilter>(noFilter)

export const requestList = createResource({
  load: (abort) => readRequests(requestFilter.peek(), abort),
  everyMs: 10_000,
  gapMs: 1_000,
  isHidden: () => document.hidden,
})

export function filterRequests(change: Partial<RequestFilter>): void {
  requestFilter.value = { ...requestFilter.peek(), ...change }
  requestList.reload()
}
