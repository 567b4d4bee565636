// The measured work.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LoadOptions } from './load.ts'

export interface Scenario {
  readonly name: string
  readonly title: string
  readonly bodyBytes: number
  readonly connections: number
  /** Events of the answer's stream; without it, a JSON answer. */
  readonly events?: number
  /** Time between the events; 0 means as fast as the client reads. */
  readonly intervalMicros?: number
  /** Requests a second at fixed times; without it, one after the other. */
  readonly rate?: number
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'chat-16',
    title: 'chat JSON 1 KB, 16 connections',
    bodyBytes: 1_000,
    connections: 16,
  },
  {
    name: 'chat-64',
    title: 'chat JSON 1 KB, 64 connections',
    bodyBytes: 1_000,
    connections: 64,
  },
  {
    name: 'body-100k',
    title: '100 KB body, 16 connections',
    bodyBytes: 100_000,
    connections: 16,
  },
  {
    name: 'body-1m',
    title: '1 MB body, 8 connections',
    bodyBytes: 1_000_000,
    connections: 8,
  },
  {
    name: 'sse-5ms',
    title: 'SSE, 50 events at 5 ms, 64 streams',
    bodyBytes: 1_000,
    connections: 64,
    events: 50,
    intervalMicros: 5_000,
  },
  {
    name: 'sse-full',
    title: 'SSE, 50 events at full speed, 16 streams',
    bodyBytes: 1_000,
    connections: 16,
    events: 50,
    intervalMicros: 0,
  },
  {
    name: 'latency',
    title: 'chat JSON 1 KB, 500 requests/s, 1 connection',
    bodyBytes: 1_000,
    connections: 1,
    rate: 500,
  },
]

/** Length of the measured part of a round. */
const roundMs = { full: 1_000, quick: 500 }

/** All endpoints of the upstream have it. */
export const defaultModel = 'bench-model'

/** Options of the load generator for one round of a scenario. */
export function loadOptions(scenario: Scenario, isQuick: boolean): Omit<LoadOptions, 'port' | 'bodyFile'> {
  const { events, intervalMicros = 0, connections, rate } = scenario
  const query = events === undefined ? '' : `?events=${events}&interval_us=${intervalMicros}`
  return {
    path: `/v1/chat/completions${query}`,
    connections,
    milliseconds: isQuick ? roundMs.quick : roundMs.full,
    ...(rate === undefined ? {} : { rate }),
    // Streams that all start at once would send all their events at once.
    ...(intervalMicros === 0 ? {} : { staggerMicros: intervalMicros / connections }),
  }
}

/** Like a prompt: lines and some quotation marks, both of which JSON escapes. */
const passage = `${'The quick brown fox jumps over the lazy dog,\n'.repeat(3)}which says "hm" and goes on sleeping.\n`

/** A chat request of about this many bytes; the model comes first, as official clients write it. */
export function chatBody(bodyBytes: number, isStream: boolean, model = defaultModel): string {
  const value = {
    model,
    max_tokens: 64,
    ...(isStream ? { stream: true, stream_options: { include_usage: true } } : {}),
    messages: [
      { role: 'system', content: 'You are a helpful assistant.' },
      { role: 'user', content: '' },
    ],
  }
  const missing = Math.max(0, bodyBytes - JSON.stringify(value).length)
  const written = JSON.stringify(passage).length - 2
  value.messages[1] = { role: 'user', content: passage.repeat(Math.ceil(missing / written)) }
  return JSON.stringify(value)
}

/** Writes a scenario's request body and returns the file. */
export function writeBody(folder: string, { name, bodyBytes, events }: Scenario): string {
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `${name}.json`)
  writeFileSync(file, chatBody(bodyBytes, events !== undefined))
  return file
}
