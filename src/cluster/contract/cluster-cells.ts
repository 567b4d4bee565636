import { integers, numbers } from '../../kernel/cells/kinds.ts'
import { type CellsOf, cellLayout } from '../../kernel/cells/layout.ts'

/** What serving threads know of the cluster; the control thread writes it. */
export const clusterCells = cellLayout('cluster', () => ({
  /** 1 while this replica is a member and the server can be used; 2 if the server may not have what others have used. */
  joined: integers(),
  /** Members last known, at least 1, and the place of this replica among them. */
  members: integers(2),
  /** Milliseconds that the server's clock is ahead of this replica's. */
  serverAheadMs: numbers(),
}))

/** Reads the state of the cluster on a serving thread. */
export class ClusterReader {
  readonly #cells: CellsOf<typeof clusterCells>
  /** One of the names, the same for a key on every replica; undefined without names. */
  readonly choose: (key: string, names: readonly string[]) => string | undefined

  constructor(cells: CellsOf<typeof clusterCells>, choose: ClusterReader['choose']) {
    this.#cells = cells
    this.choose = choose
  }

  get isJoined(): boolean {
    return Atomics.load(this.#cells.joined, 0) !== 0
  }

  /** Whether the server is back, and others may not have reported yet what they used meanwhile. */
  get isSettling(): boolean {
    return Atomics.load(this.#cells.joined, 0) === 2
  }

  /** What the server's clock is ahead of this replica's. */
  get serverAheadMs(): number {
    return this.#cells.serverAheadMs[0] ?? 0
  }

  /** What this replica may use of a limit on its own; at least 1. */
  shareOf(limit: number): number {
    const members = Math.max(1, Atomics.load(this.#cells.members, 0))
    const position = Atomics.load(this.#cells.members, 1)
    return Math.max(1, Math.floor(limit / members) + (position < limit % members ? 1 : 0))
  }
}
