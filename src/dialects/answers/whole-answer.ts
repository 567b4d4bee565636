import { BodyMembers } from '../../kernel/json/body-members.ts'
import { openBrace, openBracket, quote, skipSpace } from '../../kernel/json/json-bytes.ts'
import { KeyNames } from '../../kernel/json/key-names.ts'
import { answerForms } from '../all.ts'
import type { AnswerForm } from '../contract/answer-form.ts'
import { type AnswerError, readAnswerError } from '../errors/error-object.ts'

/** An answer that began with a good status and is none. */
export interface BadAnswer {
  /** For logs and clients. */
  readonly reason: string
  /** What it says has gone wrong. */
  readonly error?: AnswerError | undefined
  /** The error as a JSON text. */
  readonly body?: string | undefined
}

/** `undecided` needs more bytes. */
export type Judgement = 'good' | 'undecided' | BadAnswer

type Member = 'list' | 'object' | 'text' | 'error'

/** Top-level members that make a JSON object a result in any dialect, and those that may make it an error. */
const members = new KeyNames<Member>([
  ...answerForms.flatMap(({ results }) => Object.entries(results)),
  ['error', 'error'],
])

const closeBracket = 0x5d
const letterN = 0x6e

/** Most bytes of the members before the first choice in the form that most servers write. */
const plainBytes = 256

/** Whether the beginning of a JSON text shows at first sight that it is an answer in the form. */
export function beginsPlainly({ plainBeginning }: AnswerForm, bytes: Buffer): boolean {
  return plainBeginning?.test(bytes.toString('latin1', 0, plainBytes)) === true
}

/**
 * Reads as much of a JSON object as says whether it is a result or an error. Results say it early: what they
 * generated need not be walked.
 * @param isComplete nothing more will come
 */
export function judgeWhole(bytes: Buffer, isComplete: boolean): Judgement {
  const walk = new BodyMembers(bytes)
  let mayBeError = false
  // That a value has begun is enough: it may be cut, and a long one is not walked for nothing.
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

/** The error that a JSON text tells; undefined where it tells none. */
export function errorIn(text: string): BadAnswer | undefined {
  const error = readAnswerError(parsed(text))
  return error === undefined ? undefined : { reason: reasonOf(error), error, body: text }
}

/** The error that an event tells whose name says that it is one. */
export function errorOfEvent(text: string): BadAnswer {
  const value = parsed(text)
  const error = readAnswerError(value)
  if (error !== undefined && isWrapped(value)) return { reason: reasonOf(error), error, body: text }
  const wrapped = { error: value ?? text }
  const found = readAnswerError(wrapped)
  return { reason: reasonOf(found), error: found, body: JSON.stringify(wrapped) }
}

function isWrapped(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    ('error' in value || 'detail' in value || 'response' in value)
  )
}

function reasonOf(error: AnswerError | undefined): string {
  return error?.statusCode === undefined ? 'an error' : `error ${error.statusCode}`
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
