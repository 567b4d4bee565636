import type { TestContext } from 'node:test'
import { MessageChannel } from 'node:worker_threads'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { ControlLink } from '../../src/runtime/links/control-link.ts'
import type { LinkMessage } from '../../src/runtime/links/messages.ts'
import { ServingLink } from '../../src/runtime/links/serving-link.ts'

/** The links of a control thread and of serving threads, real channels between them, all in this thread. */
export function connectLinks(
  t: TestContext,
  threads: number,
  options: { clock?: Clock; onFailure?: (error: unknown, topic: string) => void } = {},
) {
  const { clock = systemClock } = options
  const onFailure =
    options.onFailure ??
    ((error: unknown) => {
      throw error
    })
  const control = new ControlLink({ threads, clock, onFailure })
  /** A serving thread, or one that takes its place. */
  const connect = (thread: number): ServingLink => {
    const { port1, port2 } = new MessageChannel()
    t.after(() => port1.close())
    const link = new ServingLink(port2, { thread, threads, clock, onFailure })
    port1.on('message', (message: LinkMessage) => control.receive(message))
    port2.on('message', (message: LinkMessage) => link.receive(message))
    control.connect(thread, port1)
    return link
  }
  const [first, second, ...others] = Array.from({ length: threads }, (_, thread) => connect(thread))
  if (first === undefined || second === undefined) throw new RangeError('one thread is not several')
  return { control, serving: [first, second, ...others] as const, first, second, connect }
}
