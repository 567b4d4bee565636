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
