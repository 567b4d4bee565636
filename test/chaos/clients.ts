import { connect } from 'node:net'

/** What clients saw. */
export interface Outcomes {
  tries: number
  complete: number
  /** No answer, or one of a status that is not 200, before its first byte. */
  failed: number
  /** Cut or ended by an error event: a client can tell that something is missing. */
  visible: number
  /** Ended as if all had come, though something is missing. */
  looksComplete: number
  /** Neither answered nor ended in time. */
  hung: number
  /** Examples of answers that failed. */
  readonly failures: string[]
}

const body = JSON.stringify({ model: 'm', stream: true, messages: [{ role: 'user', content: 'hello' }] })
const request = `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`

/** Longer than all time limits of the gateway's configuration together. */
const maxAnswerMs = 60_000
const maxFailures = 5

/** Clients that ask one time after the other until they are stopped. */
export class Clients {
  readonly outcomes: Outcomes = {
    tries: 0,
    complete: 0,
    failed: 0,
    visible: 0,
    looksComplete: 0,
    hung: 0,
    failures: [],
  }
  readonly #port: number
  readonly #running: Promise<unknown>
  #isStopping = false

  constructor(port: number, count: number) {
    this.#port = port
    this.#running = Promise.all(Array.from({ length: count }, () => this.#client()))
  }

  async stop(): Promise<Outcomes> {
    this.#isStopping = true
    await this.#running
    return this.outcomes
  }

  async #client(): Promise<void> {
    while (!this.#isStopping) await this.#ask()
  }

  #ask(): Promise<void> {
    const { outcomes } = this
    outcomes.tries++
    return new Promise((resolve) => {
      const socket = connect(this.#port, '127.0.0.1')
      let text = ''
      let isHung = false
      const timer = setTimeout(() => {
        isHung = true
        socket.destroy()
      }, maxAnswerMs)
      socket.on('connect', () => socket.write(request))
      socket.on('data', (data) => {
        text += data.toString('latin1')
      })
      socket.on('error', () => {})
      socket.on('close', () => {
        clearTimeout(timer)
        this.#count(text, isHung)
        resolve()
      })
    })
  }

  #count(text: string, isHung: boolean): void {
    const { outcomes } = this
    if (isHung) outcomes.hung++
    else if (!text.startsWith('HTTP/1.1 200')) {
      outcomes.failed++
      if (outcomes.failures.length < maxFailures) outcomes.failures.push(text.slice(0, 1_000))
    } else if (
      text.includes('data: {"error"') ||
      text.includes('event: error') ||
      !text.endsWith('0\r\n\r\n')
    )
      outcomes.visible++
    else if (text.includes('"w9"') && text.includes('data: [DONE]')) outcomes.complete++
    else outcomes.looksComplete++
  }
}
