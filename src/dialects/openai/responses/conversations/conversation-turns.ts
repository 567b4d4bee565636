import { randomInt } from 'node:crypto'
import type { DocumentClient } from '../../../../cluster/documents/document-client.ts'
import type { Clock } from '../../../../kernel/clock.ts'
import type { PeerLink, Topic } from '../../../../runtime/links/peer-link.ts'

export interface TurnParts {
  readonly clock: Pick<Clock, 'nowMs' | 'after'>
  readonly peers: Pick<PeerLink, 'requestAll' | 'on' | 'send' | 'thread' | 'threads'>
  /** Turns of several replicas; while they cannot be shared, `takeTurn` gives undefined. */
  readonly replicas?: Pick<DocumentClient, 'takeTurn' | 'endTurn'> | undefined
}

interface Turn {
  readonly token: number
  readonly thread: number
  readonly endsAtMs: number
  readonly waiting: Set<() => void>
}

/** How long a request waits for the response before it; OpenAI's advice is to retry after a few seconds. */
const maxWaitMs = 2_000
/** How often a replica asks for a turn that another one has. */
const retryMs = 50
/** Longer than a response takes: nothing else ends a turn whose end was lost. */
const maxTurnMs = 3_600_000
const maxWaiting = 100
/** Tokens start anywhere below it: the home thread may have been replaced since a turn began. */
const maxFirstToken = 2 ** 47
/** The thread at which all threads take turns. */
const home = 0

const takeTopic: Topic<string, number | undefined> = 'conversation-turns:take'
const endTopic: Topic<{ readonly key: string; readonly token: number }, void> = 'conversation-turns:end'

/** Makes the responses of one conversation follow one another, whichever threads make them. */
export class ConversationTurns {
  readonly #parts: TurnParts
  readonly #turns = new Map<string, Turn>()
  #tokens = randomInt(maxFirstToken)

  constructor(parts: TurnParts) {
    this.#parts = parts
  }

  /** Serves the other threads. @returns a function that ends it */
  listen(): () => void {
    const { peers } = this.#parts
    const ends = [
      peers.on(takeTopic, (key, from) => (peers.thread === home ? this.#takeHere(key, from) : undefined)),
      peers.on(endTopic, ({ key, token }) => this.#endHere(key, token)),
    ]
    return () => {
      for (const end of ends) end()
    }
  }

  /** @returns ends the turn; undefined if another response is still being made */
  async take(key: string): Promise<(() => void) | undefined> {
    const { clock, replicas } = this.#parts
    const untilMs = clock.nowMs() + maxWaitMs
    const end = await this.#takeOwn(key)
    if (end === undefined || replicas === undefined) return end
    while ((await replicas.takeTurn(key)) === false) {
      if (clock.nowMs() >= untilMs) {
        end()
        return undefined
      }
      await new Promise<void>((resolve) => void clock.after(retryMs, resolve))
    }
    return () => {
      replicas.endTurn(key)
      end()
    }
  }

  async #takeOwn(key: string): Promise<(() => void) | undefined> {
    const { peers } = this.#parts
    if (peers.threads === 1 || peers.thread === home) {
      const token = await this.#takeHere(key, peers.thread)
      return token === undefined ? undefined : () => this.#endHere(key, token)
    }
    const tokens = await peers.requestAll(takeTopic, key, maxWaitMs + 1_000)
    const token = tokens.find((each) => each !== undefined)
    return token === undefined ? undefined : () => peers.send(home, endTopic, { key, token })
  }

  /** Ends the turns of a thread that has ended. */
  threadEnded(thread: number): void {
    for (const [key, turn] of [...this.#turns]) if (turn.thread === thread) this.#endHere(key, turn.token)
  }

  async #takeHere(key: string, thread: number): Promise<number | undefined> {
    const { clock } = this.#parts
    const untilMs = clock.nowMs() + maxWaitMs
    for (;;) {
      const nowMs = clock.nowMs()
      const turn = this.#turns.get(key)
      if (turn === undefined || turn.endsAtMs <= nowMs) {
        const token = ++this.#tokens
        const waiting = turn?.waiting ?? new Set()
        this.#turns.set(key, { token, thread, endsAtMs: nowMs + maxTurnMs, waiting })
        return token
      }
      if (nowMs >= untilMs || turn.waiting.size >= maxWaiting) return undefined
      await this.#ended(turn, untilMs - nowMs)
    }
  }

  /** Resolves when a turn has ended and this request is the next, or after a time. */
  #ended({ waiting }: Turn, timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        timer.cancel()
        waiting.delete(wake)
        resolve()
      }
      const timer = this.#parts.clock.after(timeoutMs, wake)
      waiting.add(wake)
    })
  }

  #endHere(key: string, token: number): void {
    const turn = this.#turns.get(key)
    if (turn?.token !== token) return
    this.#turns.delete(key)
    for (const wake of [...turn.waiting]) wake()
  }
}
