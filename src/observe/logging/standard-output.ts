import { constants, openSync } from 'node:fs'
import { Socket } from 'node:net'
import { FileOutput } from './file-output.ts'
import { type LogOutput, maxPending } from './log-output.ts'
import type { LostLines } from './lost-lines.ts'

/**
 * Opens standard output: writes to a pipe without blocking, to everything else through the thread pool.
 * @param minLength characters to buffer before a write
 */
export function standardOutput(minLength: number, lost: LostLines): LogOutput {
  const { stdout } = process
  if (stdout.isTTY === true) return new FileOutput(terminalDescriptor(), minLength, lost)
  return stdout instanceof Socket ? new PipeOutput(stdout, lost) : new FileOutput(1, minLength, lost)
}

/**
 * A write to a stopped terminal (Ctrl-S) blocks a thread of the pool, and the process waits for that thread at exit. A
 * separate file description can be non-blocking without changing the terminal for other programs.
 */
function terminalDescriptor(): number {
  const { O_WRONLY, O_APPEND, O_NOCTTY, O_NONBLOCK } = constants
  try {
    return openSync('/dev/fd/1', O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK)
  } catch {
    // On Windows, or on a terminal of another user.
    return 1
  }
}

/** Writes to a pipe whose reader may be slow, stop reading or close it. */
export class PipeOutput implements LogOutput {
  readonly #stream: Socket
  readonly #lost: LostLines
  #isClosed = false

  constructor(stream: Socket, lost: LostLines) {
    this.#stream = stream
    this.#lost = lost
    stream.on('error', () => {
      this.#isClosed = true
    })
  }

  write(text: string): void {
    if (this.#isClosed || this.#stream.writableLength >= maxPending) {
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
    if (this.#isClosed || this.#stream.writableLength === 0) done()
    else this.#stream.write('', () => done())
  }
}
