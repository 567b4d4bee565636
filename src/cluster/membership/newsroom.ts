import type { NewsKind, NewsOf } from '../contract/news.ts'

type Handler<Kind extends NewsKind> = (news: NewsOf<Kind>) => void

/** Messages of the other replicas, by kind. */
export class Newsroom {
  readonly #own: string
  readonly #handlers = new Map<string, (news: never) => void>()

  /** @param own ID of this replica, whose messages it ignores */
  constructor(own: string) {
    this.#own = own
  }

  on<Kind extends NewsKind>(kind: Kind, handler: Handler<Kind>): void {
    this.#handlers.set(kind, handler)
  }

  /** Ignores what it does not understand: it may be of a newer version. */
  receive(text: string): void {
    let news: unknown
    try {
      news = JSON.parse(text)
    } catch {
      return
    }
    if (typeof news !== 'object' || news === null || !('kind' in news) || !('by' in news)) return
    if (news.by === this.#own) return
    // Replicas of one schema version send what `NewsKinds` declares.
    this.#handlers.get(String(news.kind))?.(news as never)
  }
}
