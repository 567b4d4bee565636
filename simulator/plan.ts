import { isObject, type JsonObject } from './request.ts'
import { askedModel, type Exchange } from './route.ts'
import { type Script, type ScriptPiece, scriptPieces } from './script.ts'
import { answerLength, answerToken, countTokens } from './tokens.ts'

/** An answer before it is written in a dialect: the script for the request, or a generated text. */
export interface Plan {
  /** The server's name for the requested model. */
  readonly model: string
  /** In streaming order, one token each. */
  readonly pieces: () => Iterable<ScriptPiece>
  readonly calls: NonNullable<Script['toolCalls']>
  readonly finish: 'stop' | 'length' | 'filter' | 'calls'
  readonly stopSequence: string | undefined
  readonly promptTokens: number
  readonly cachedTokens: number | undefined
  readonly completionTokens: number
  readonly reasoningTokens: number
  readonly signature: string | undefined
  /** Number of pieces before an error event. */
  readonly errorAfter: number | undefined
}

export interface PlanOptions {
  readonly body: JsonObject
  readonly prompt: unknown
  /** The limits of the request; the first that is given applies. Scripts ignore them. */
  readonly limits: readonly unknown[]
  /** Whether the model thinks. Default true. */
  readonly thinks?: boolean
  /** Whether the dialect can stream several calls at the same time. Default false. */
  readonly interleaves?: boolean
}

/** @throws Rejection if the request names no model, or a limit is not an integer */
export function planAnswer({ state }: Exchange, options: PlanOptions): Plan {
  const { body, prompt, limits, thinks = true, interleaves = false } = options
  const model = askedModel(state, body).name
  const length = answerLength(...limits)
  const promptTokens = countTokens(prompt)
  const script = state.takeScript()
  if (script === undefined) return { ...generated(state.name, length), model, promptTokens }
  const { reasoning: _thoughts, ...thoughtless } = script
  const { interleaved = false } = script
  const pieces = scriptPieces({ ...(thinks ? script : thoughtless), interleaved: interleaves && interleaved })
  const { toolCalls = [], finish = toolCalls.length > 0 ? 'calls' : 'stop' } = script
  return {
    model,
    pieces: () => pieces,
    calls: toolCalls,
    finish,
    stopSequence: script.stopSequence,
    promptTokens,
    cachedTokens: script.cachedTokens,
    completionTokens: pieces.length,
    reasoningTokens: pieces.filter(({ kind }) => kind === 'reasoning').length,
    signature: script.signature,
    errorAfter: script.errorAfter,
  }
}

function generated(
  name: string,
  { tokens, isCut }: ReturnType<typeof answerLength>,
): Omit<Plan, 'model' | 'promptTokens'> {
  return {
    *pieces() {
      for (let index = 0; index < tokens; index++) yield { kind: 'text', text: answerToken(name, index) }
    },
    calls: [],
    finish: isCut ? 'length' : 'stop',
    stopSequence: undefined,
    cachedTokens: undefined,
    completionTokens: tokens,
    reasoningTokens: 0,
    signature: undefined,
    errorAfter: undefined,
  }
}

/** All text of one kind. */
export function joined(plan: Plan, kind: ScriptPiece['kind']): string {
  let text = ''
  for (const piece of plan.pieces()) if (piece.kind === kind) text += piece.text
  return text
}

/** Arguments of a call as an object, for dialects that have no JSON text in it. */
export function argumentsOf(text: string): JsonObject {
  const value: unknown = text === '' ? {} : JSON.parse(text)
  return isObject(value) ? value : {}
}

/** The error that ends a stream after `errorAfter` pieces. */
export const engineFailure = 'the engine has died'
