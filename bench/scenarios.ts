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
  /** Time without traffic before each round, which then has no warm-up. */
  readonly silenceMs?: number
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
    name: 'sse-silence',
    title: 'the same after 20 s without traffic',
    bodyBytes: 1_000,
    connections: 64,
    events: 50,
    intervalMicros: 5_000,
    silenceMs: 20_000,
  },
  {
    name: 'chat-500',
    title: 'chat JSON 1 KB, 500 requests/s, 16 connections',
    bodyBytes: 1_000,
    connections: 16,
    rate: 500,
  },
  {
    name: 'latency',
    title: 'chat JSON 1 KB, 500 requests/s, 1 connection',
    bodyBytes: 1_000,
    connections: 1,
    rate: 500,
  },
]

/** Length of the measured part of a round; a stream of single events takes a quarter of a second. */
const roundMs = { full: 1_000, quick: 500 }
const streamRoundMs = { full: 3_000, quick: 1_000 }

/** All endpoints of the upstream have it. */
export const defaultModel = 'bench-model'

/**
 * Spreads the starts of streams over the length of one, and their events evenly over an interval. Streams that start
 * within one interval, as before, also end within one, and their requests and ends delay the events of all others.
 */
function staggerOf(events: number, intervalMicros: number, connections: number): number {
  // An odd number of steps, so that an even number of streams takes as many places in the interval.
  return (intervalMicros / connections) * ((events - 1) | 1)
}

/** Options of the load generator for one round of a scenario. */
export function loadOptions(scenario: Scenario, isQuick: boolean): Omit<LoadOptions, 'port' | 'bodyFile'> {
  const { events, intervalMicros = 0, connections, rate } = scenario
  const query = events === undefined ? '' : `?events=${events}&interval_us=${intervalMicros}`
  return {
    path: `/v1/chat/completions${query}`,
    connections,
    milliseconds: (intervalMicros > 0 ? streamRoundMs : roundMs)[isQuick ? 'quick' : 'full'],
    ...(rate === undefined ? {} : { rate }),
    ...(intervalMicros === 0 ? {} : { staggerMicros: staggerOf(events ?? 1, intervalMicros, connections) }),
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
