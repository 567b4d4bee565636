import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { Rejection } from './rejections.ts'

const ToolCall = Type.Object(
  {
    id: Type.Optional(Type.String({ description: 'Default `call_<index>`.' })),
    name: Type.String(),
    arguments: Type.String({ description: 'JSON text.' }),
  },
  { additionalProperties: false },
)

/** The answer to one request, in place of a generated one. */
export const ScriptSchema = Type.Object(
  {
    reasoning: Type.Optional(Type.String({ description: 'Reasoning before the answer.' })),
    thinkTags: Type.Optional(
      Type.Boolean({
        description: 'Put reasoning into the text, between <think> tags; by default it is a field.',
      }),
    ),
    text: Type.Optional(Type.String()),
    toolCalls: Type.Optional(Type.Array(ToolCall)),
    interleaved: Type.Optional(
      Type.Boolean({
        description: 'Interleave the chunks of several calls; default one call after the other.',
      }),
    ),
    cachedTokens: Type.Optional(Type.Integer({ minimum: 0, description: 'Prompt tokens from a cache.' })),
    stopSequence: Type.Optional(Type.String({ description: 'The stop sequence that ended it.' })),
    finish: Type.Optional(
      Type.Union([Type.Literal('stop'), Type.Literal('length'), Type.Literal('filter')], {
        description: 'Why the answer ends; default stop, or the calls if it has some.',
      }),
    ),
    signature: Type.Optional(
      Type.String({ description: 'Signature or encrypted form of the thoughts, in APIs that have one.' }),
    ),
    scores: Type.Optional(
      Type.Array(Type.Number(), { description: 'Of the documents to rank; default by their text.' }),
    ),
    errorAfter: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: 'Number of chunks after which the stream sends an error event.',
      }),
    ),
  },
  { additionalProperties: false },
)

export type Script = Static<typeof ScriptSchema>

/** A part of a scripted answer, small enough to be a token. */
export type ScriptPiece =
  | { readonly kind: 'reasoning'; readonly text: string }
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'call'
      readonly index: number
      readonly id: string
      readonly name: string
      readonly isFirst: boolean
      readonly text: string
    }

/** @throws Rejection */
export function readScripts(value: unknown): Script[] {
  const list: unknown = Array.isArray(value) ? value : [value]
  if (Value.Check(Type.Array(ScriptSchema), list)) return list
  const problem = Value.Errors(Type.Array(ScriptSchema), list).First()
  throw new Rejection('bad_request', `${problem?.path ?? ''} ${problem?.message ?? 'no script'}`)
}

/** The parts in streaming order. */
export function scriptPieces(script: Script): ScriptPiece[] {
  const { reasoning, thinkTags, text, toolCalls = [], interleaved } = script
  const thoughts = reasoning === undefined ? [] : words(reasoning)
  const said = words(text ?? '')
  const calls = toolCalls.map((call, index) => callPieces(call, index))
  const spoken: ScriptPiece[] =
    thinkTags === true && reasoning !== undefined
      ? words(`<think>${reasoning}</think>\n\n${text ?? ''}`).map((each) => ({ kind: 'text', text: each }))
      : [
          ...thoughts.map((each): ScriptPiece => ({ kind: 'reasoning', text: each })),
          ...said.map((each): ScriptPiece => ({ kind: 'text', text: each })),
        ]
  return [...spoken, ...(interleaved === true ? inTurns(calls) : calls.flat())]
}

function callPieces(call: Static<typeof ToolCall>, index: number): ScriptPiece[] {
  const head = { kind: 'call', index, id: call.id ?? `call_${index}`, name: call.name } as const
  const pieces = call.arguments.match(/.{1,6}/gs) ?? []
  return [{ ...head, isFirst: true, text: '' }, ...pieces.map((text) => ({ ...head, isFirst: false, text }))]
}

function words(text: string): string[] {
  return text.match(/\s*\S+|\s+$/g) ?? []
}

function inTurns(lists: readonly ScriptPiece[][]): ScriptPiece[] {
  const longest = Math.max(0, ...lists.map(({ length }) => length))
  return Array.from({ length: longest }, (_, at) => lists.flatMap((list) => list.slice(at, at + 1))).flat()
}
