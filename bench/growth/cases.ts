import { allFormats } from './all-formats.ts'
import { answerReaders } from './answer-readers.ts'
import { chatRequests } from './chat-requests.ts'
import { ollamaFormats } from './ollama-formats.ts'
import { requestReaders } from './request-readers.ts'
import { wholeFormats } from './whole-formats.ts'

/** One reader and one shape of its input. */
export interface GrowthCase {
  readonly reader: string
  readonly shape: string
  /** Generates an input of this size and reads it. */
  run(bytes: number): void | Promise<void>
}

export const growthCases: readonly GrowthCase[] = [
  ...requestReaders,
  ...chatRequests,
  ...answerReaders,
  ...ollamaFormats,
  ...allFormats,
  ...wholeFormats,
]
