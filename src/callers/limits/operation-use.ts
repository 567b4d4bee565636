import { operationOf } from '../../dialects/requests/operation.ts'
import { Remembered } from '../../kernel/remembered.ts'

/** What an operation may use. */
export interface OperationUse {
  /** Whether it uses tokens and money; any other counts as a request only. */
  readonly isInference: boolean
  /** Whether it generates tokens. */
  readonly generates: boolean
  /** Whether it reads audio, which has a price per second. */
  readonly hears: boolean
}

const known = new Remembered<OperationUse>()

/** Operations that read tokens and generate none. */
const readsOnly = /(?:embed(?:ding)?s?|encode|pooling|score|classify|similarity|re?rank(?:ing)?|moderations)$/

const hearing = /\/audio\/(?:transcriptions|translations)$/
/** Of audio of which only the size is known: 128 kbit/s, as MP3 has often. */
const audioBytesPerSecond = 16_000

/** Seconds of audio in an upload of which only the size is known. */
export function audioSecondsOf(bytes: number): number {
  return bytes / audioBytesPerSecond
}

/** Operations that only count tokens. */
const free = /(?:\/(?:de)?tokenize|apply-template|count_?tokens|token_counter|chat_template|input_tokens)$/

/** @param path as sent to the endpoint */
export function operationUse(path: string): OperationUse {
  const found = known.get(path)
  if (found !== undefined) return found
  const operation = operationOf(path)
  const use = {
    isInference: operation.isInference && !operation.isModelList && !free.test(operation.path),
    generates: !readsOnly.test(operation.path),
    hears: hearing.test(operation.path),
  }
  known.set(path, use)
  return use
}
