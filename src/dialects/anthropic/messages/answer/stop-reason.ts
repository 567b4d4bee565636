import type { StopReason } from '../../../hub/contract/answer.ts'

const byReason: Readonly<Record<string, StopReason>> = {
  end_turn: 'end',
  // The builder reports calls if the answer has any; those of server tools are none of the client's.
  tool_use: 'end',
  max_tokens: 'length',
  stop_sequence: 'stop_sequence',
  refusal: 'filtered',
  model_context_window_exceeded: 'context_full',
  // The server has stopped in the middle of its own tools; a client can only continue.
  pause_turn: 'length',
  // Of servers that only rename the fields of a chat completion.
  length: 'length',
  content_filter: 'filtered',
}

/** Why a message ended. Unknown reasons are taken as an ordinary end. */
export function readStopReason(reason: string): StopReason {
  return byReason[reason] ?? 'end'
}
