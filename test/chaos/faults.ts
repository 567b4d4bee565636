import type { ChildProcess } from 'node:child_process'
import type { FaultyEndpoint } from './fleet.ts'

/** What an endpoint's own process does wrong. */
export const answerFaults = [
  'none',
  'status 503',
  'status 500',
  'status 429',
  'hangs before headers',
  'hangs, health too',
  'hangs in the stream',
  'reset before headers',
  'end before headers',
  'reset behind the head',
  'reset in the stream',
  'end in the stream',
  'end without [DONE]',
  'drips',
  'no HTTP',
  'kept connections are reset',
  'kept connections are closed',
  '200 with a web page',
  '200 with an error',
  'an error as the first event',
  'an error behind three events',
  'seven bytes of a thousand',
  'accepts and never reads',
  'resets on accept',
  'flaps every second',
] as const

export type FaultName = (typeof answerFaults)[number]

export interface Fault {
  readonly name: string
  /** Whether the endpoint itself has to see requests meanwhile. */
  readonly isAsked: boolean
  begin(endpoint: FaultyEndpoint, gateway: ChildProcess): Promise<void> | void
  end(endpoint: FaultyEndpoint, gateway: ChildProcess): Promise<void> | void
}

/** Faults in which an endpoint reads no request. */
const unasked: readonly FaultName[] = ['accepts and never reads', 'resets on accept']

/** One endpoint of four has it for a while, or the gateway itself. */
export const faults: readonly Fault[] = [
  ...answerFaults.map((name) => ({
    name,
    isAsked: !unasked.includes(name),
    begin: (endpoint: FaultyEndpoint) => endpoint.set(name),
    end: (endpoint: FaultyEndpoint) => endpoint.set('none'),
  })),
  {
    name: 'killed',
    isAsked: false,
    begin: (endpoint) => endpoint.kill(),
    end: (endpoint) => endpoint.start(),
  },
  {
    name: 'stopped (SIGSTOP)',
    isAsked: false,
    begin: (endpoint) => endpoint.signal('SIGSTOP'),
    end: (endpoint) => endpoint.signal('SIGCONT'),
  },
  {
    name: 'stopped, accept queue full',
    isAsked: false,
    begin: async (endpoint) => {
      await endpoint.kill()
      await endpoint.start(1)
      endpoint.signal('SIGSTOP')
    },
    end: (endpoint) => endpoint.signal('SIGCONT'),
  },
  {
    name: 'its name no longer resolves',
    isAsked: false,
    begin: (endpoint) => endpoint.resolve(false),
    end: (endpoint) => endpoint.resolve(true),
  },
  {
    name: "the gateway's clock jumps",
    isAsked: true,
    begin: async (endpoint) => {
      endpoint.set('none')
      await endpoint.moveClock(true)
    },
    end: (endpoint) => endpoint.moveClock(false),
  },
  {
    name: 'the gateway stands still',
    isAsked: false,
    begin: (_, gateway) => void gateway.kill('SIGSTOP'),
    end: (_, gateway) => void gateway.kill('SIGCONT'),
  },
]
