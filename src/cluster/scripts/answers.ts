import { script } from './script.ts'

/** Time for the replica that asked to read an answer. */
const answerTtlMs = 10_000

/** Keeps an answer for the replica that asked. Keys: answer. Arguments: text. */
export const answerWriteScript = script(
  'answer-write',
  `redis.call('SET', KEYS[1], ARGV[1], 'PX', ${answerTtlMs})
return 1
`,
)

/** Returns an answer and removes it. Keys: answer. */
export const answerReadScript = script(
  'answer-read',
  `local text = redis.call('GET', KEYS[1])
if text then redis.call('DEL', KEYS[1]) end
return text
`,
)
