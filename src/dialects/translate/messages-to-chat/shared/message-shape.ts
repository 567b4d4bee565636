/** A content block as it begins. */
export type BlockHead =
  | { readonly kind: 'text' | 'thinking' }
  | { readonly kind: 'tool_use'; readonly id: string; readonly name: string }

export type BlockKind = BlockHead['kind']

/** Tokens as Anthropic counts them: what came out of a cache is not part of `inputTokens`. */
export interface MessageUsage {
  readonly inputTokens: number
  readonly cacheReadTokens: number
  readonly cacheCreationTokens: number
  readonly outputTokens: number
}

export interface MessageEnding {
  readonly stopReason:
    | 'end_turn'
    | 'max_tokens'
    | 'stop_sequence'
    | 'tool_use'
    | 'refusal'
    | 'model_context_window_exceeded'
  /** The one of the request's sequences that was met. */
  readonly stopSequence: string | null
  readonly usage: MessageUsage
}

export interface MessageHead {
  readonly id: string
  readonly model: string
  readonly usage: MessageUsage
}

/** `error` of Anthropic's envelope. */
export interface MessageError {
  readonly type: string
  readonly message: string
}

/**
 * Takes a message in the order in which Anthropic tells it: a head, blocks one after the other, an ending. A
 * message that fails has no ending.
 */
export interface MessageWriter {
  start(head: MessageHead): void
  open(index: number, block: BlockHead): void
  append(index: number, kind: BlockKind, piece: string): void
  close(index: number, kind: BlockKind): void
  /** Signature of the thinking blocks that end from now on. */
  sign(signature: string): void
  finish(ending: MessageEnding): void
  fail(error: MessageError): void
}

/** `usage` on the wire. */
export function usageFields(usage: MessageUsage) {
  return {
    input_tokens: usage.inputTokens,
    cache_creation_input_tokens: usage.cacheCreationTokens,
    cache_read_input_tokens: usage.cacheReadTokens,
    output_tokens: usage.outputTokens,
  }
}
