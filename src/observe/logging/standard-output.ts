import { constants, openSync } from 'node:fs'
import { Socket } from 'node:net'
import { FileOutput } from './file-output.ts'
import { type LogOutput, maxPending } from './log-output.ts'
import type { LostLines } from './lost-lines.ts'

/**
 * Standard output as it is: a pipe is written without blocking, everything else through the thread pool.
 * @param minLength characters gathered before a write
 */
export function standardOutput(minLength: number, lost: LostLines): LogOutput {
  const { stdout } = process
  if (stdout.isTTY === true) return new FileOutput(terminalDescriptor(), minLength, lost)
  return stdout instanceof Socket ? new PipeOutput(stdout, lost) : new FileOutput(1, minLength, lost)
}

/**
 * A write to a terminal whose user has stopped it (Ctrl-S) blocks a thread of the pool, and the exit of the process waits
 * for that thread. A description of its own can be non-blocking without changing the terminal of other programs.
 */
function terminalDescriptor(): number {
  const { O_WRONLY, O_APPEND, O_NOCTTY, O_NONBLOCK } = constants
  try {
    return openSync('/dev/fd/1', O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK)
  } catch {
    // Windows, or a terminal of another user.
    return 1
  }
}

/** A reader may be slow, stop reading or go away. */
export class PipeOutput implements LogOutput {
  readonly #stream: Socket
  readonly #lost: LostLines
  #isGone = false

  constructor(stream: Socket, lost: LostLines) {
    this.#stream = stream
    this.#lost = lost
    stream.on('error', () => {
      this.#isGone = true
    })
  }

  write(text: string): void {
    if (this.#isGone || this.#stream.writableLength >= maxPending) {
      this.#lost.add(text)
      return
    }
    this.#stream.write(text, (error) => {
      if (error) this.#lost.add(text)
      else this.#lost.worked()
    })
  }

  flush(): void {}

  whenIdle(done: () => void): void {
    if (this.#isGone || this.#stream.writableLength === 0) done()
    else this.#stream.write('', () => done())
  }
}
