import type { ServerResponse } from 'node:http'
import type { AnswerFault } from './faults.ts'
import { type Frame, type Pace, type Schedule, sendFrames, tokenIntervalMs } from './pace.ts'
import type { Passage } from './traffic.ts'

type StatusFault = Extract<AnswerFault, { kind: 'status' | 'health' }>

const simulatedFailure = '{"error":{"message":"simulated failure","type":"server_error","code":null}}'
const defaultDripMs = 5
/** Bytes that a truncated answer announces but does not send. */
const missingBytes = 100
/** A reset discards data that the peer has not read yet: time for the head to arrive. */
const beforeResetMs = 10

/**
 * Writes one answer, with a fault if one is set. All kinds and dialects write through it, so every fault works for
 * all of them.
 */
export class Answer {
  readonly #response: ServerResponse
  readonly #fault: AnswerFault | undefined
  readonly #pace: Pace
  readonly #passage: Passage

  constructor(response: ServerResponse, fault: AnswerFault | undefined, pace: Pace, passage: Passage) {
    this.#response = response
    this.#fault = fault
    this.#pace = pace
    this.#passage = passage
  }

  json(body: unknown, status = 200): void {
    this.text(JSON.stringify(body), 'application/json', status)
  }

  text(body: string, contentType: string, status = 200): void {
    const bytes = Buffer.from(body)
    this.#whole(this.#fault?.kind === 'malformed' ? half(bytes) : bytes, contentType, status)
  }

  /** The answer that a status fault specifies. */
  status({ status = 503, body = simulatedFailure, retryAfter, headers = {} }: StatusFault): void {
    for (const [name, value] of Object.entries(headers)) this.#response.setHeader(name, value)
    if (retryAfter !== undefined) this.#response.setHeader('Retry-After', String(retryAfter))
    const bytes = Buffer.from(body)
    const contentType = this.#response.getHeader('content-type') ?? 'application/json'
    this.#response.writeHead(status, { 'Content-Type': contentType, 'Content-Length': bytes.length })
    this.#response.end(bytes)
  }

  /** A generated whole answer, at the time of its last token. */
  generated(tokens: number, body: () => unknown, generations = 1): void {
    this.#passage.generations += generations
    this.#after(this.#pace.timeToFirstTokenMs + tokens * tokenIntervalMs(this.#pace), () => this.json(body()))
  }

  /** A generated answer token by token; its head is sent with the first. */
  stream(frames: Iterator<Frame>, contentType: string): void {
    this.#passage.generations++
    this.#after(this.#pace.timeToFirstTokenMs, () => {
      this.#response.writeHead(200, { 'Content-Type': contentType, 'Cache-Control': 'no-cache' })
      this.#send(frames)
    })
  }

  /** Runs after a time, unless the client has left. */
  after(delayMs: number, run: () => void): void {
    this.#after(delayMs, run)
  }

  /** Ends the connection without an answer. */
  breakOff(how: 'reset' | 'close'): void {
    this.#passage.isBroken = true
    const { socket } = this.#response
    if (how === 'reset') socket?.resetAndDestroy()
    // Node 26 flushes the writes of one turn to the socket on the next tick.
    else process.nextTick(() => socket?.destroySoon())
  }

  #whole(bytes: Buffer, contentType: string, status: number): void {
    const length = this.#fault?.kind === 'truncate' ? bytes.length + missingBytes : bytes.length
    this.#response.writeHead(status, { 'Content-Type': contentType, 'Content-Length': length })
    if (this.#fault === undefined) this.#response.end(bytes)
    else this.#send(once(this.#fault.kind === 'die' ? half(bytes) : bytes))
  }

  #send(frames: Iterator<Frame>): void {
    const fault = this.#fault
    const schedule = { intervalMs: tokenIntervalMs(this.#pace), catchesUp: true }
    const end = () => this.#response.end()
    const close = () => this.breakOff('close')
    switch (fault?.kind) {
      case 'drip':
        sendFrames(this.#response, bytewise(frames), dripping(fault.delayMs), end)
        break
      case 'die':
        sendFrames(this.#response, first(frames, fault.chunks ?? 1), schedule, close)
        break
      case 'truncate':
        sendFrames(this.#response, frames, schedule, close)
        break
      case 'malformed':
        sendFrames(this.#response, withoutBraces(frames), schedule, end)
        break
      case 'reset_after_headers':
        this.#response.flushHeaders()
        this.#after(beforeResetMs, () => this.breakOff('reset'))
        break
      default:
        sendFrames(this.#response, frames, schedule, end)
    }
  }

  #after(delayMs: number, run: () => void): void {
    if (delayMs <= 0) {
      run()
      return
    }
    const timer = setTimeout(run, delayMs)
    this.#response.once('close', () => clearTimeout(timer))
  }
}

function dripping(delayMs = defaultDripMs): Schedule {
  return { intervalMs: delayMs, catchesUp: false }
}

function half(bytes: Buffer): Buffer {
  return bytes.subarray(0, Math.ceil(bytes.length / 2))
}

function* once(data: Buffer): Generator<Frame> {
  yield { data, isToken: false }
}

/** Frames up to a number of parts; all frames of a whole answer. */
function* first(frames: Iterator<Frame>, count: number): Generator<Frame> {
  for (let sent = 0; sent < count; sent++) {
    const { done, value } = frames.next()
    if (done === true) return
    yield value
  }
}

function* bytewise(frames: Iterator<Frame>): Generator<Frame> {
  for (let next = frames.next(); next.done !== true; next = frames.next()) {
    const bytes = Buffer.from(next.value.data)
    for (let at = 0; at < bytes.length; at++) yield { data: bytes.subarray(at, at + 1), isToken: true }
  }
}

function* withoutBraces(frames: Iterator<Frame>): Generator<Frame> {
  for (let next = frames.next(); next.done !== true; next = frames.next()) {
    const { data, isToken } = next.value
    yield { data: typeof data === 'string' ? data.replaceAll('}', '') : data, isToken }
  }
}
