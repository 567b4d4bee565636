import type { Frame } from './pace.ts'
import type { JsonObject } from './request.ts'
import { around, type Exchange, token } from './route.ts'
import { type Script, type ScriptPiece, scriptPieces } from './script.ts'

/** Fields that all chunks and whole answers of one chat share. */
export interface ChatFrame {
  readonly head: JsonObject
  readonly promptTokens: number
  readonly includeUsage: boolean
  readonly isStream: boolean
  /** Field in which the kind sends reasoning. */
  readonly reasoningField: 'reasoning' | 'reasoning_content'
}

/** Answers a chat completion with a script. */
export function scriptedChat({ answer }: Exchange, script: Script, frame: ChatFrame): void {
  const pieces = scriptPieces(script)
  if (frame.isStream) {
    answer.stream(chunks(script, pieces, frame), 'text/event-stream; charset=utf-8')
    return
  }
  answer.generated(pieces.length, () => {
    const join = (kind: ScriptPiece['kind']) =>
      pieces.map((piece) => (piece.kind === kind ? piece.text : '')).join('')
    const message = {
      role: 'assistant',
      content: join('text'),
      ...(join('reasoning') === '' ? {} : { [frame.reasoningField]: join('reasoning') }),
      ...(script.toolCalls === undefined ? {} : { tool_calls: script.toolCalls.map(wholeCall) }),
    }
    const choice = { index: 0, message, ...ending(script) }
    return {
      ...frame.head,
      object: 'chat.completion',
      choices: [choice],
      usage: usage(script, pieces, frame),
    }
  })
}

function wholeCall({ id, name, arguments: given }: NonNullable<Script['toolCalls']>[number], index: number) {
  return { id: id ?? `call_${index}`, type: 'function', function: { name, arguments: given } }
}

function* chunks(script: Script, pieces: readonly ScriptPiece[], frame: ChatFrame): Generator<Frame> {
  const chunk = (delta: JsonObject, beside: JsonObject = { finish_reason: null }) =>
    event({ ...frame.head, object: 'chat.completion.chunk', choices: [{ index: 0, delta, ...beside }] })
  yield around(chunk({ role: 'assistant', content: '' }))
  for (const [index, piece] of pieces.entries()) {
    if (index === script.errorAfter) {
      yield around(event({ error: { message: 'the engine has died', type: 'server_error', code: 500 } }))
      return
    }
    yield token(chunk(deltaOf(piece, frame)))
  }
  yield around(chunk({}, ending(script)))
  if (frame.includeUsage) {
    const counted = usage(script, pieces, frame)
    yield around(event({ ...frame.head, object: 'chat.completion.chunk', choices: [], usage: counted }))
  }
  yield around('data: [DONE]\n\n')
}

function deltaOf(piece: ScriptPiece, { reasoningField }: ChatFrame): JsonObject {
  switch (piece.kind) {
    case 'text':
      return { content: piece.text }
    case 'reasoning':
      return { [reasoningField]: piece.text }
    case 'call': {
      const { index, id, name, isFirst, text } = piece
      const head = isFirst ? { id, type: 'function' } : {}
      return { tool_calls: [{ index, ...head, function: { ...(isFirst ? { name } : {}), arguments: text } }] }
    }
  }
}

function ending({ toolCalls, stopSequence }: Script): JsonObject {
  const reason = toolCalls === undefined || toolCalls.length === 0 ? 'stop' : 'tool_calls'
  return { finish_reason: reason, ...(stopSequence === undefined ? {} : { stop_reason: stopSequence }) }
}

function usage({ cachedTokens }: Script, pieces: readonly ScriptPiece[], { promptTokens }: ChatFrame) {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: pieces.length,
    total_tokens: promptTokens + pieces.length,
    ...(cachedTokens === undefined ? {} : { prompt_tokens_details: { cached_tokens: cachedTokens } }),
  }
}

function event(body: JsonObject): string {
  return `data: ${JSON.stringify(body)}\n\n`
}
