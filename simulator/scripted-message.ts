import type { Frame } from './pace.ts'
import type { JsonObject } from './request.ts'
import { around, type Exchange, token } from './route.ts'
import { type Script, type ScriptPiece, scriptPieces } from './script.ts'

/** Answers a Messages request with a script. */
export function scriptedMessage(
  { answer }: Exchange,
  script: Script,
  { head, inputTokens, isStream }: { head: JsonObject; inputTokens: number; isStream: boolean },
): void {
  const { thinkTags: _tags, ...untagged } = script
  // A server that speaks this API separates reasoning itself and sends one block after the other.
  const pieces = scriptPieces({ ...untagged, interleaved: false })
  const cached = script.cachedTokens ?? 0
  const usage = {
    input_tokens: inputTokens - cached,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cached,
    output_tokens: pieces.length,
  }
  if (isStream) {
    answer.stream(events(script, pieces, head, usage), 'text/event-stream; charset=utf-8')
    return
  }
  answer.generated(pieces.length, () => ({
    ...head,
    ...ending(script),
    content: blocksOf(pieces, script.signature).map((block) => ({ ...block.head, ...block.whole() })),
    usage,
  }))
}

interface Block {
  readonly head: JsonObject
  readonly delta: (piece: string) => JsonObject
  readonly whole: () => JsonObject
  readonly pieces: string[]
  /** The last delta of a block with thoughts. */
  readonly signature?: JsonObject | undefined
}

function blocksOf(pieces: readonly ScriptPiece[], signature: string | undefined): Block[] {
  const blocks: Block[] = []
  let last: ScriptPiece | undefined
  for (const piece of pieces) {
    const isSame = last?.kind === piece.kind && (piece.kind !== 'call' || !piece.isFirst)
    if (!isSame) blocks.push(blockFor(piece, signature))
    if (piece.text !== '') blocks.at(-1)?.pieces.push(piece.text)
    last = piece
  }
  return blocks
}

function blockFor(piece: ScriptPiece, signature = ''): Block {
  const pieces: string[] = []
  const text = () => pieces.join('')
  switch (piece.kind) {
    case 'text':
      return {
        pieces,
        head: { type: 'text', text: '' },
        delta: (each) => ({ type: 'text_delta', text: each }),
        whole: () => ({ text: text() }),
      }
    case 'reasoning':
      return {
        pieces,
        head: { type: 'thinking', thinking: '', signature: '' },
        delta: (each) => ({ type: 'thinking_delta', thinking: each }),
        whole: () => ({ thinking: text(), signature }),
        signature: signature === '' ? undefined : { type: 'signature_delta', signature },
      }
    case 'call':
      return {
        pieces,
        head: { type: 'tool_use', id: piece.id, name: piece.name, input: {} },
        delta: (each) => ({ type: 'input_json_delta', partial_json: each }),
        whole: () => ({ input: JSON.parse(text()) as unknown }),
      }
  }
}

function* events(
  script: Script,
  pieces: readonly ScriptPiece[],
  head: JsonObject,
  usage: JsonObject,
): Generator<Frame> {
  const start = { ...head, content: [], stop_reason: null, usage: { ...usage, output_tokens: 0 } }
  yield around(event('message_start', { message: start }))
  let sent = 0
  for (const [index, block] of blocksOf(pieces, script.signature).entries()) {
    yield around(event('content_block_start', { index, content_block: block.head }))
    for (const piece of block.pieces) {
      if (sent++ === script.errorAfter) {
        yield around(event('error', { error: { type: 'api_error', message: 'the engine has died' } }))
        return
      }
      yield token(event('content_block_delta', { index, delta: block.delta(piece) }))
    }
    if (block.signature !== undefined) {
      yield around(event('content_block_delta', { index, delta: block.signature }))
    }
    yield around(event('content_block_stop', { index }))
  }
  yield around(event('message_delta', { delta: ending(script), usage }))
  yield around(event('message_stop', {}))
}

function ending({ toolCalls, stopSequence, finish }: Script): JsonObject {
  if (stopSequence !== undefined) return { stop_reason: 'stop_sequence', stop_sequence: stopSequence }
  const hasCalls = toolCalls !== undefined && toolCalls.length > 0
  const reasons = { stop: 'end_turn', length: 'max_tokens', filter: 'refusal' }
  const reason = finish === undefined ? (hasCalls ? 'tool_use' : 'end_turn') : reasons[finish]
  return { stop_reason: reason, stop_sequence: null }
}

function event(type: string, data: JsonObject): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`
}
