/** Why a request got no usable answer. */
export type Trouble = 'unreachable' | 'signed_out' | 'refused' | 'not_found' | 'failed'

export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly trouble: Trouble
  readonly status: number

  /** @param status 0 if there was no answer */
  constructor(trouble: Trouble, status: number, message: string) {
    super(message)
    this.trouble = trouble
    this.status = status
  }
}

/** The message of an error, in any format of the gateway's errors. */
export function messageOf(response: Response, text: string): string {
  const fallback = `The gateway answered ${response.status}.`
  if (!response.headers.get('content-type')?.includes('json')) return text.slice(0, 300) || fallback
  try {
    const body: unknown = JSON.parse(text)
    return textOf(field(field(body, 'error'), 'message')) ?? textOf(field(body, 'error')) ?? fallback
  } catch {
    return fallback
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
