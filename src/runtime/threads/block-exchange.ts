import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { Block, OfferBlock } from '../cells/shared-blocks.ts'

/** A serving thread's way to offer blocks of cells; sent to it when it starts, `port` transferred. */
export interface BlockLine {
  readonly port: MessagePort
  /** One cell that counts answers. */
  readonly answers: Int32Array
}

interface Offer {
  readonly name: string
  readonly block: Block
}

/** Only a blocked control thread takes this long. */
const answerMs = 30_000

/** Answers a serving thread's offers, until it ends. @param keep decides which block counts */
export function answerOffers(keep: OfferBlock): BlockLine {
  const { port1, port2 } = new MessageChannel()
  const answers = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  port1.on('message', ({ name, block }: Offer) => {
    port1.postMessage(keep(name, block))
    Atomics.add(answers, 0, 1)
    Atomics.notify(answers, 0)
  })
  port1.unref()
  return { port: port2, answers }
}

/**
 * Offers blocks to the control thread. Blocks this thread until it has the answer: plugins take their tables while
 * they are registered, before the thread serves.
 */
export function offerBlocks({ port, answers }: BlockLine): OfferBlock {
  return (name, block) => {
    const before = Atomics.load(answers, 0)
    port.postMessage({ name, block } satisfies Offer)
    Atomics.wait(answers, 0, before, answerMs)
    const answer: { message: Block } | undefined = receiveMessageOnPort(port)
    if (answer === undefined) throw new Error(`the control thread does not answer about the cells ${name}`)
    return answer.message
  }
}
