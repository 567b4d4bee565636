import type { OpenLink, RedisLinkEvents } from '../../src/cluster/connection/redis-link.ts'

/** A connection for unit tests: it answers as the test says. */
export class FakeLink {
  events: RedisLinkEvents | undefined
  isReady = false
  opened = 0
  readonly sent: (readonly string[])[] = []
  answer: (args: readonly string[]) => unknown = () => new Promise(() => {})

  readonly open: OpenLink = (events) => {
    this.events = events
    this.opened++
    const link = this
    let isDestroyed = false
    return {
      get isReady() {
        return link.isReady && !isDestroyed
      },
      async send(_key, args) {
        link.sent.push(args)
        return link.answer(args)
      },
      destroy() {
        isDestroyed = true
      },
    }
  }

  connect(): void {
    this.isReady = true
    this.events?.onReady()
  }

  lose(reason: string): void {
    this.isReady = false
    this.events?.onLost(reason)
  }
}
