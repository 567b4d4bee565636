// The mixed traffic of the soak: each type of client sends at a fixed rate, also to a slow gateway.
import { join } from 'node:path'
import type { LoadOptions } from './load.ts'
import { chatBody, defaultModel } from './scenarios.ts'

export interface TrafficKind {
  readonly name: string
  readonly connections: number
  /** Requests a second. */
  readonly rate: number
  /** Query that selects the upstream's behavior. */
  readonly query: string
  readonly bodyBytes: number
  readonly model: string
  readonly leaveAfter?: number
}

/** On the first endpoint only: its failures open that circuit again and again. */
const fragile = 'org-0/model-0-7b'

export const trafficKinds: readonly TrafficKind[] = [
  { name: 'chat', connections: 16, rate: 200, query: '', bodyBytes: 1_000, model: defaultModel },
  { name: 'large bodies', connections: 4, rate: 2, query: '', bodyBytes: 1_000_000, model: defaultModel },
  {
    name: 'streams',
    connections: 64,
    rate: 20,
    query: '?events=100&interval_us=20000',
    bodyBytes: 4_000,
    model: defaultModel,
  },
  {
    name: 'clients that leave',
    connections: 32,
    rate: 40,
    query: '?events=100&interval_us=20000',
    bodyBytes: 4_000,
    model: defaultModel,
    leaveAfter: 5,
  },
  { name: 'errors', connections: 4, rate: 5, query: '?status=500', bodyBytes: 1_000, model: fragile },
  {
    name: 'broken streams',
    connections: 4,
    rate: 5,
    query: '?events=50&interval_us=5000&cut=5',
    bodyBytes: 1_000,
    model: fragile,
  },
]

export function trafficFile(folder: string, { name }: TrafficKind): string {
  return join(folder, `${name.replaceAll(' ', '-')}.json`)
}

export function trafficBody({ bodyBytes, query, model }: TrafficKind): string {
  return chatBody(bodyBytes, query.includes('events='), model)
}

export function trafficLoad(
  kind: TrafficKind,
  { port, folder, milliseconds }: { port: number; folder: string; milliseconds: number },
): LoadOptions {
  const { connections, rate, query, leaveAfter } = kind
  return {
    port,
    path: `/v1/chat/completions${query}`,
    bodyFile: trafficFile(folder, kind),
    connections,
    rate,
    milliseconds,
    anyStatus: true,
    ...(leaveAfter === undefined ? {} : { leaveAfter }),
  }
}
