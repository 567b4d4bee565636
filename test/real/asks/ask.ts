/** What a test asks a model, whatever API carries it. */
export interface Ask {
  readonly name: string
  readonly model: 'says' | 'calls' | 'thinks'
  readonly system?: string
  /** Whether the model is asked to think. */
  readonly thinks?: boolean
  /** Offers `get_weather`. */
  readonly hasTool?: boolean
  readonly toolChoice?: 'auto' | 'required' | 'none' | 'named'
  /** Asks again after a call and its result. */
  readonly hasResult?: boolean
  /** Asks for JSON of `colorSchema`. */
  readonly isStructured?: boolean
  readonly maxTokens?: number
  /** Whether that ends the answer inside a call. */
  readonly isCut?: boolean
  readonly stop?: string
  readonly logprobs?: boolean
  /** Turns before the question. */
  readonly isConversation?: boolean
  /** The model's thought in the turn before the question. */
  readonly thought?: string
}

export const tool = {
  name: 'get_weather',
  description: 'The weather of a city.',
  parameters: {
    type: 'object' as const,
    properties: { city: { type: 'string' as const, description: 'Its name.' } },
    required: ['city'],
  },
}

export const colorSchema = {
  type: 'object' as const,
  properties: { color: { type: 'string' as const, enum: ['blue'] } },
  required: ['color'],
  additionalProperties: false,
}

export const question = 'What is it like there?'
export const callId = 'call_0123456789abcdefghijklmn'
export const city = { city: 'Paris' }
export const result = 'It is sunny.'
export const turns = [
  { role: 'user' as const, content: 'Good morning.' },
  { role: 'assistant' as const, content: 'Good morning, what can I do?' },
] as const
/** So that a model that never stops does. */
export const maxTokens = 100
/** Which a model picks its words by; a small one that always picks the same needs none, but clients send it. */
export const sampling = { temperature: 0, seed: 7 }

/** What a client has understood of an answer: the same for every API. */
export interface Meaning {
  readonly text: string
  readonly reasoning: string
  readonly calls: readonly { readonly name: string; readonly args: unknown }[]
  readonly ending: Ending
  /** Of the prompt, with those that the server had in its cache. */
  readonly inputTokens: number | undefined
  readonly outputTokens: number | undefined
  /** Log probability of each token of the text, where asked for and told. */
  readonly logprobs: readonly { readonly token: string; readonly top: number }[]
}

/** Why an answer ended. Ollama's API and Messages name some of these alike. */
export type Ending = 'stop' | 'length' | 'calls' | 'stop sequence' | 'other'

/** One API, driven by its vendor's own client. */
export interface Client {
  /** Name of its format in the gateway. */
  readonly format: string
  /** Whether the API can ask it. */
  readonly canAsk: (ask: Ask) => boolean
  readonly whole: (gateway: string, ask: Ask) => Promise<Answered>
  readonly stream: (gateway: string, ask: Ask) => Promise<Answered>
}

export interface Answered {
  readonly meaning: Meaning
  /** `X-Olla-Mode`. */
  readonly mode: string
}

export const nothing: Meaning = {
  text: '',
  reasoning: '',
  calls: [],
  ending: 'other',
  inputTokens: undefined,
  outputTokens: undefined,
  logprobs: [],
}

/** A `fetch` that keeps the mode of the last answer. */
export class RecordingFetch {
  mode = ''
  readonly fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const response = await fetch(input, init)
    this.mode = response.headers.get('x-olla-mode') ?? 'none'
    return response
  }
}

/** Arguments of a call; the text itself if it is cut. */
export function argsOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
