import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('./read-loop.ts', import.meta.url))
/** V8 generates code at run time. */
const valgrindOptions = ['--tool=callgrind', '--smc-check=all-non-file', '--callgrind-out-file=/dev/null']
/**
 * With one thread, valgrind counts V8's compilers in the run that causes them. A large heap is collected only before
 * each run: collections at V8's own thresholds would add steps unrelated to the reader.
 */
const nodeOptions = [
  '--single-threaded',
  '--expose-gc',
  '--min-semi-space-size=256',
  '--max-semi-space-size=256',
  '--initial-old-space-size=4096',
  '--max-old-space-size=6144',
]

/** A process whose instructions valgrind counts: the same number in each run, also on a busy machine. */
export class CountedProcess {
  readonly #child: ChildProcess
  readonly #ended: Promise<never>
  #isStopping = false
  /** Whether the reader has refused its last input. */
  wasRefused = false

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#ended = new Promise((_, reject) => {
      child.once('exit', () => {
        if (!this.#isStopping) reject(new Error('the counted process ended'))
      })
    })
  }

  static async start(): Promise<CountedProcess> {
    const child = spawn('valgrind', [...valgrindOptions, process.execPath, ...nodeOptions, program], {
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    const started = new CountedProcess(child)
    await started.#answer()
    return started
  }

  /** @returns instructions of one run */
  async count(index: number, bytes: number): Promise<number> {
    await this.#ask(`${index} 0`)
    const before = this.#instructions()
    this.wasRefused = (await this.#ask(`${index} ${bytes}`)).startsWith('refused')
    return this.#instructions() - before
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    this.#child.stdin?.end()
    const { exitCode, signalCode } = this.#child
    if (exitCode === null && signalCode === null) await once(this.#child, 'exit')
  }

  async #ask(line: string): Promise<string> {
    this.#child.stdin?.write(`${line}\n`)
    return this.#answer()
  }

  async #answer(): Promise<string> {
    const { stdout } = this.#child
    if (stdout === null) throw new Error('the counted process has no output')
    const [answer] = await Promise.race([once(stdout, 'data'), this.#ended])
    return String(answer)
  }

  /** Instructions of all threads so far. */
  #instructions(): number {
    const status = execFileSync('vgdb', [`--pid=${this.#child.pid}`, 'status', 'internal'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let sum = 0
    for (const [, events] of status.matchAll(/^events-\d+: (\d+)$/gm)) sum += Number(events)
    return sum
  }
}
