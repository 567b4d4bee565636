// The project's performance bars, and a run's results against them.
import { addedRatioOf, type Figure, figureOf, type Results, ratioOf } from './results.ts'
import { scenarios } from './scenarios.ts'
import { perStreamBytes } from './stream-memory.ts'

export interface Bar {
  readonly name: string
  readonly limit: number
  /** Whether the limit is a minimum instead of a maximum. */
  readonly isMinimum?: boolean
  /** False where load generator and upstream share the target's cores, though the bar requires separate cores. */
  readonly hasRoom?: boolean
  /** Undefined if the run has not measured it. */
  readonly value: number | undefined
}

const cpuBars = [
  { scenario: 'chat-16', overBare: 1.15, overNginx: 2.5, onNode: 1.3 },
  { scenario: 'chat-64', overBare: 1.15, overNginx: 2.5, onNode: 1.3 },
  { scenario: 'chat-500', overBare: 1.15, overNginx: 2.8, onNode: 1.3 },
  { scenario: 'body-100k', overBare: 1.05, overNginx: 4, onNode: 1.25 },
  { scenario: 'body-1m', overBare: 1.05, overNginx: 1.4, onNode: 1.25 },
  { scenario: 'sse-5ms', overBare: 1.1, overNginx: 1.6, onNode: 1.3 },
  { scenario: 'sse-full', overBare: 1.05, overNginx: 1.1, onNode: 1.3 },
] as const

const concernBars = [
  { target: 'olla-text', name: 'a text log', limit: 1.15 },
  { target: 'olla-sticky', name: 'sticky sessions', limit: 1.08 },
  { target: 'olla-otel', name: 'an OpenTelemetry SDK', limit: 1.4 },
] as const

const megabyte = 1024 * 1024

export function barsOf(results: Results): Bar[] {
  const ratio = (scenario: string, target: string, other: string, figure: Figure) =>
    ratioOf(results, scenario, target, other, figure)
  const memory = results.memory.find(({ target }) => target === 'olla')
  const streams = results.streamMemory.find(({ target }) => target === 'olla')
  return [
    ...cpuBars.map(({ scenario, overBare }) => ({
      name: `${titleOf(scenario)}: CPU over the bare path`,
      limit: overBare,
      value: ratio(scenario, 'olla', 'bare', 'cpu'),
    })),
    ...cpuBars.map(({ scenario, overNginx }) => ({
      name: `${titleOf(scenario)}: CPU over nginx`,
      limit: overNginx,
      value: ratio(scenario, 'olla', 'nginx', 'cpu'),
    })),
    ...cpuBars.map(({ scenario }) => ({
      name: `in an app on the own server, ${titleOf(scenario)}: CPU over the command`,
      limit: 1.1,
      value: ratio(scenario, 'embedded-own', 'olla', 'cpu'),
    })),
    ...cpuBars.map(({ scenario, onNode }) => ({
      name: `in an app on Node's server, ${titleOf(scenario)}: CPU over the command`,
      limit: onNode,
      value: ratio(scenario, 'embedded', 'olla', 'cpu'),
    })),
    {
      name: 'added latency p50, 1 connection, over the bare path',
      limit: 1.2,
      value: addedRatioOf(results, 'latency', 'olla', 'bare', 'latencyP50'),
    },
    {
      name: 'added latency p99, 1 connection, over the bare path',
      limit: 1.2,
      value: addedRatioOf(results, 'latency', 'olla', 'bare', 'latencyP99'),
    },
    {
      name: 'delay of a chunk p99, 64 streams, ms',
      limit: 1.5,
      value: inMillis(figureOf(results, 'sse-5ms', 'olla', 'delayP99')),
    },
    {
      name: 'delay of a chunk p99, 64 streams after 20 s without traffic, ms',
      limit: 3,
      value: inMillis(figureOf(results, 'sse-silence', 'olla', 'delayP99')),
    },
    ...concernBars.map(({ target, name, limit }) => ({
      name: `${titleOf('chat-64')}: CPU with ${name} over without`,
      limit,
      value: ratio('chat-64', target, 'olla', 'cpu'),
    })),
    ...(['chat-16', 'chat-64'] as const).map((scenario) => ({
      name: `${titleOf(scenario)}: CPU with TLS to the endpoint over without`,
      limit: 1.25,
      value: ratio(scenario, 'olla-tls', 'olla', 'cpu'),
    })),
    {
      name: 'delay of a chunk p50, 64 streams, over the bare path',
      limit: 1.2,
      value: ratio('sse-5ms', 'olla', 'bare', 'delayP50'),
    },
    ...cpuBars.map(({ scenario }) => ({
      name: `\`sherpa\`, ${titleOf(scenario)}: CPU over bare reply-from`,
      limit: 1.15,
      value: ratio(scenario, 'sherpa', 'reply-from', 'cpu'),
    })),
    {
      name: '2 threads, chat, 64 connections: CPU over 1 thread',
      limit: 1.15,
      value: ratio('chat-64', 'olla-2', 'olla', 'cpu'),
    },
    {
      name: '2 threads, chat, 64 connections: requests/s over 1 thread',
      limit: 1.7,
      isMinimum: true,
      hasRoom: results.machine.cores.length > 2,
      value: ratio('chat-64', 'olla-2', 'olla', 'perSecond'),
    },
    { name: 'resident idle, MB', limit: 100, value: inMegabytes(memory?.idleBytes) },
    { name: 'resident after load, MB', limit: 150, value: inMegabytes(memory?.loadedBytes) },
    ...(streams?.levels ?? []).map((level) => ({
      name: `per open stream at ${level.streams.toLocaleString('en-US')}, KB`,
      limit: 25,
      value: streams === undefined ? undefined : perStreamBytes(streams, level) / 1024,
    })),
  ]
}

export function isMet({ value, limit, isMinimum = false }: Bar): boolean | undefined {
  if (value === undefined) return undefined
  return isMinimum ? value >= limit : value <= limit
}

function titleOf(name: string): string {
  return scenarios.find((scenario) => scenario.name === name)?.title ?? name
}

function inMillis(micros: number | undefined): number | undefined {
  return micros === undefined ? undefined : micros / 1000
}

function inMegabytes(bytes: number | undefined): number | undefined {
  return bytes === undefined ? undefined : bytes / megabyte
}
