import { readContextLimit } from './context-limit.ts'

/** Number of characters of an error that are examined. */
const maxTextLength = 4096

/** Types that several engines give to client errors, whatever the status. */
const types =
  /"type"\s*:\s*"(?:invalid_request|not_supported|unsupported|exceed_context_size|badrequest|validation)/i

const capability =
  '(?:images?|image input|audio|audio input|video|vision|multimodal|tools?|function calling|functions?|embeddings?|rerank(?:ing)?|thinking|reasoning|completions?|chat|generate|insert|infill|logprobs|grammar|response_format|json_schema)'

/** Messages about input that the model or the server does not support or could not read. */
const sentences: readonly RegExp[] = [
  new RegExp(`\\b${capability}\\b[^.:]{0,40}\\b(?:is|are|was) not supported\\b`, 'i'),
  new RegExp(`\\b(?:does not|doesn't|do not|cannot|can't) support\\b[^.:]{0,40}\\b${capability}\\b`, 'i'),
  /\bunsupported (?:image|audio|content|media|parameter|role|format|message|tool)/i,
  /\bmissing data required for (?:image|audio) input\b/i,
  /\bnot an? (?:multimodal|vision|embedding|chat) model\b/i,
  /\binvalid (?:request|image|audio|json|base64|role|message|schema|grammar|parameter|tool|prompt|input)/i,
  /\bfailed to (?:parse|decode|load|process) (?:the )?(?:grammar|messages?|tools?|images?|inputs?|json|schema|request)/i,
]

/** Messages about the server's own exhaustion or failure. The request may be valid. */
const serverFailure =
  /\b(?:cuda|rocm|hip|metal|vulkan|out of memory|system memory|device|worker|runner|terminated|crash|traceback|internal assertion)\b/i

/**
 * Whether an error with a server status (500, 501) is about the request: an image for a text model, a prompt longer
 * than the context. llama.cpp, Ollama and LiteLLM report such errors this way (ggml-org/llama.cpp#19774).
 */
export function isClientMistake(body: string): boolean {
  const text = body.slice(0, maxTextLength)
  if (readContextLimit(text) !== undefined) return true
  if (serverFailure.test(text)) return false
  return types.test(text) || sentences.some((sentence) => sentence.test(text))
}
