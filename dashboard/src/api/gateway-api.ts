/** The routes that the page reads, each with its type. */
import { getJson, internalUrl, readUrl, request } from './http.ts'
import type {
  ClusterView,
  ConfigView,
  EndpointsView,
  Explanation,
  InFlightView,
  ModelStatsView,
  ModelsView,
  RequestDetail,
  RequestsView,
  SamplesView,
  StatusView,
} from './types.ts'

export interface RequestFilter {
  readonly model: string
  readonly endpoint: string
  readonly outcome: string
  readonly failover: boolean
}

export const readStatus = (signal?: AbortSignal) => getJson<StatusView>(readUrl('status'), signal)

export const readEndpoints = (signal?: AbortSignal) =>
  getJson<EndpointsView>(readUrl('status/endpoints'), signal)

export const readModels = (signal?: AbortSignal) =>
  getJson<ModelsView>(readUrl('status/models?detailed=true&group=family'), signal)

export const readModelStats = (signal?: AbortSignal) =>
  getJson<ModelStatsView>(readUrl('stats/models?include_endpoints=true'), signal)

export const readSamples = (signal?: AbortSignal) => getJson<SamplesView>(readUrl('samples'), signal)

export const readCluster = (signal?: AbortSignal) => getJson<ClusterView>(readUrl('cluster'), signal)

export const readInFlight = (signal?: AbortSignal) => getJson<InFlightView>(readUrl('inflight'), signal)

export const readConfig = (signal?: AbortSignal) => getJson<ConfigView>(readUrl('config'), signal)

export function readRequests(filter: RequestFilter, signal?: AbortSignal): Promise<RequestsView> {
  const url = readUrl('requests')
  if (filter.model !== '') url.searchParams.set('model', filter.model)
  if (filter.endpoint !== '') url.searchParams.set('endpoint', filter.endpoint)
  if (filter.outcome !== '') url.searchParams.set('outcome', filter.outcome)
  if (filter.failover) url.searchParams.set('failover', 'true')
  url.searchParams.set('limit', '200')
  return getJson<RequestsView>(url, signal)
}

export const readRequest = (id: string, signal?: AbortSignal) =>
  getJson<RequestDetail>(readUrl(`requests/${encodeURIComponent(id)}`), signal)

export async function cancelRequest(id: string): Promise<void> {
  await request(internalUrl(`inflight/${encodeURIComponent(id)}`), {
    method: 'DELETE',
    // A header that a form of another page cannot set.
    headers: { 'X-Olla-Gateway': '1' },
  })
}

/** Where a chat with this model would go now. */
export async function explainModel(model: string, signal?: AbortSignal): Promise<Explanation> {
  const response = await request(internalUrl('explain'), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: '' }] }),
    ...(signal === undefined ? {} : { signal }),
  })
  return (await response.json()) as Explanation
}

/** Past events that a first connection requests. */
const replayedEvents = 300

/** @param lastEventId where to resume; empty on a first connection */
export function openEvents(lastEventId: string, signal: AbortSignal): Promise<Response> {
  const url = internalUrl('events')
  if (lastEventId === '') url.searchParams.set('replay', String(replayedEvents))
  return request(url, {
    cache: 'no-store',
    headers: {
      Accept: 'text/event-stream',
      ...(lastEventId === '' ? {} : { 'Last-Event-ID': lastEventId }),
    },
    signal,
  })
}
