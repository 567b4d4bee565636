import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePort } from '../support/free-port.ts'
import type { FaultName } from './faults.ts'

const program = fileURLToPath(new URL('./endpoint-process.ts', import.meta.url))

export interface Counts {
  /** Chats that it is answering. */
  readonly open: number
  /** Chats that it was asked for since the last change of its fault. */
  readonly asked: number
  /** Of those, answered as they should be. */
  readonly served: number
}

/** An endpoint in a process of its own. Its name is resolved by `gateway-hook.mjs` in the gateway. */
export class FaultyEndpoint {
  readonly host: string
  readonly port: number
  /** While this file exists the name resolves to nothing. */
  readonly #unresolvedFile: string
  /** While it exists the gateway's clock is two hours ahead. */
  readonly #clockFile: string
  #child: ChildProcess | undefined

  constructor(host: string, port: number, folder: string) {
    this.host = host
    this.port = port
    this.#unresolvedFile = `${folder}/${host}`
    this.#clockFile = `${folder}/clock-ahead`
  }

  get url(): string {
    return `http://${this.host}:${this.port}`
  }

  /** @param backlog connections that wait to be accepted */
  async start(backlog = 511): Promise<void> {
    const child = fork(program, [String(this.port), String(backlog)], { stdio: 'ignore' })
    this.#child = child
    const [, ending] = await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then((exit) => [undefined, exit]),
    ])
    if (ending !== undefined) throw new Error(`${this.host} ended with ${ending} before it listened`)
  }

  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    // `kill` returns false if the process has ended.
    if (child?.kill('SIGKILL') === true) await once(child, 'exit')
  }

  set(fault: FaultName): void {
    this.#child?.send({ fault })
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.kill(name)
  }

  async resolve(resolves: boolean): Promise<void> {
    if (resolves) await rm(this.#unresolvedFile, { force: true })
    else await writeFile(this.#unresolvedFile, '')
  }

  /** Two hours ahead, and back. */
  async moveClock(isAhead: boolean): Promise<void> {
    if (isAhead) await writeFile(this.#clockFile, '')
    else await rm(this.#clockFile, { force: true })
  }

  async counts(): Promise<Counts> {
    const child = this.#child
    if (child === undefined) return { open: 0, asked: 0, served: 0 }
    const answer = once(child, 'message')
    child.send({ ask: true })
    const [message] = (await answer) as [Counts]
    return message
  }
}

/** Four endpoints that have the same model. */
export async function startFleet(t: TestContext, folder: string): Promise<FaultyEndpoint[]> {
  const endpoints: FaultyEndpoint[] = []
  for (const name of ['one', 'two', 'three', 'four']) {
    const endpoint = new FaultyEndpoint(`${name}.chaos.test`, await freePort(), folder)
    t.after(() => endpoint.kill())
    await endpoint.start()
    endpoints.push(endpoint)
  }
  return endpoints
}
