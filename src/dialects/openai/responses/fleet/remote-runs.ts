import type { ReplicaAsker } from '../../../../cluster/questions/replica-asker.ts'
import type { RunPlace } from '../background/background-requests.ts'
import type { BackgroundEvents, BackgroundView } from '../background/background-run.ts'
import {
  followMs,
  type RunName,
  runEndTopic,
  runFollowTopic,
  runReadTopic,
} from '../background/background-runs.ts'

/** Each thread of the other replicas answers within this. */
const askMs = 500

/** The responses that other replicas make in the background. */
export class RemoteRuns implements RunPlace {
  readonly #replicas: Pick<ReplicaAsker, 'ask'>

  constructor(replicas: Pick<ReplicaAsker, 'ask'>) {
    this.#replicas = replicas
  }

  read({ id, owner }: RunName): Promise<BackgroundView | undefined> {
    return this.#replicas.ask(runReadTopic, { id, owner }, { timeoutMs: askMs })
  }

  follow({ id, owner }: RunName, after: number): Promise<BackgroundEvents | undefined> {
    return this.#replicas.ask(runFollowTopic, { id, owner, after }, { timeoutMs: followMs + askMs })
  }

  end({ id, owner }: RunName, isForgotten: boolean): Promise<BackgroundView | undefined> {
    return this.#replicas.ask(runEndTopic, { id, owner, isForgotten }, { timeoutMs: askMs })
  }
}
