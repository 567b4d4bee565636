import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { Block, FindBlock, WantedBlock } from '../cells/shared-blocks.ts'

/** A serving thread's channel for requesting blocks of cells; sent to it at startup, with `port` transferred. */
export interface BlockLine {
  readonly port: MessagePort
  /** One cell that counts answers. */
  readonly answers: Int32Array
}

/** Answers a serving thread's requests until it ends. */
export function provideBlocks(find: FindBlock): BlockLine {
  const { port1, port2 } = new MessageChannel()
  const answers = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  port1.on('message', (wanted: WantedBlock) => {
    port1.postMessage(find(wanted))
    Atomics.add(answers, 0, 1)
    Atomics.notify(answers, 0)
  })
  port1.unref()
  return { port: port2, answers }
}

/**
 * Requests blocks from the control thread. Blocks this thread until the answer arrives: plugins create their tables
 * during registration, before the thread serves. Has no time limit of its own, because the supervisor terminates a
 * thread that does not start, even while it blocks here; a second, shorter limit would fail threads on busy machines.
 */
export function requestBlocks({ port, answers }: BlockLine): FindBlock {
  return (wanted) => {
    const before = Atomics.load(answers, 0)
    port.postMessage(wanted)
    Atomics.wait(answers, 0, before)
    const answer: { message: Block } | undefined = receiveMessageOnPort(port)
    if (answer === undefined) {
      throw new Error(`the control thread did not send the cells ${wanted.name}`)
    }
    return answer.message
  }
}
