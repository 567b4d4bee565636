/** A content block as its start event contains it. */
export type BlockHead =
  | { readonly kind: 'text' | 'thinking' }
  | { readonly kind: 'tool_use'; readonly id: string; readonly name: string }

export type BlockKind = BlockHead['kind']

/** Token counts as Anthropic defines them: `inputTokens` excludes cached tokens. */
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
  /** The stop sequence of the request that ended the message. */
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
 * Writes a message in the order of Anthropic's events: head, blocks one after the other, ending. A failed message has
 * no ending.
 */
export interface MessageWriter {
  start(head: MessageHead): void
  open(index: number, block: BlockHead): void
  append(index: number, kind: BlockKind, text: string): void
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
