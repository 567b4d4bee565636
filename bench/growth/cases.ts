import { answerReaders } from './answer-readers.ts'
import { requestReaders } from './request-readers.ts'

/** One reader and one shape of what it reads. */
export interface GrowthCase {
  readonly reader: string
  readonly shape: string
  /** Makes an input of so many bytes and reads it. */
  run(bytes: number): void | Promise<void>
}

export const growthCases: readonly GrowthCase[] = [...requestReaders, ...answerReaders]
