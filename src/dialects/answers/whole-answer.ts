import { BodyMembers } from '../../kernel/json/body-members.ts'
import { openBrace, openBracket, quote, skipSpace } from '../../kernel/json/json-bytes.ts'
import { KeyNames } from '../../kernel/json/key-names.ts'
import { answerForms } from '../all.ts'
import type { AnswerForm } from '../contract/answer-form.ts'
import { type BadAnswer, errorIn } from '../errors/bad-answer.ts'

/** `undecided` if more bytes are needed. */
export type Judgement = 'good' | 'undecided' | BadAnswer

type Member = 'list' | 'object' | 'text' | 'error'

/** Top-level members that make a JSON object a result in any dialect, and those that may make it an error. */
const members = new KeyNames<Member>([
  ...answerForms.flatMap(({ results }) => Object.entries(results)),
  ['error', 'error'],
])

const closeBracket = 0x5d
const letterN = 0x6e

/** Maximum number of bytes before the first choice in the form that most servers write. */
const plainBytes = 256

/** Whether the first bytes of a JSON text already show an answer in this form. */
export function isPlainAnswer({ plainStart }: AnswerForm, bytes: Buffer): boolean {
  return plainStart?.test(bytes.toString('latin1', 0, plainBytes)) === true
}

/**
 * Reads only as much of a JSON object as shows whether it is a result or an error. Results show it early, so their
 * generated content is not scanned.
 * @param isComplete whether these are all bytes
 */
export function judgeWhole(bytes: Buffer, isComplete: boolean): Judgement {
  const walk = new BodyMembers(bytes)
  let mayBeError = false
  // The start of a value suffices: it may be cut off, and scanning a long one would be wasted.
  while (walk.nextKey()) {
    const member = walk.find(members)
    if (member === 'error') mayBeError ||= bytes[walk.start] !== letterN
    else if (member !== undefined && !mayBeError && isResult(bytes, member, walk.start)) return 'good'
    if (!walk.passValue()) break
  }
  if (!walk.isWhole && !isComplete) return 'undecided'
  return errorIn(bytes.toString('utf8')) ?? 'good'
}

function isResult(bytes: Buffer, member: Member, start: number): boolean {
  switch (member) {
    case 'list':
      return bytes[start] === openBracket && startsItem(bytes, start + 1)
    case 'object':
      return bytes[start] === openBrace
    case 'text':
      return bytes[start] === quote
    case 'error':
      return false
  }
}

function startsItem(bytes: Buffer, from: number): boolean {
  const first = bytes[skipSpace(bytes, from)]
  return first !== undefined && first !== closeBracket
}
