import type { GatewayError } from '../../kernel/errors.ts'

/** Receives the answer to a request that has no connection to a client. */
export interface AnswerSink {
  begin(statusCode: number, isStream: boolean): void
  write(chunk: Buffer): void
  /** @param isWhole false if the answer broke off */
  end(isWhole: boolean): void
  /** The gateway has refused the request. */
  refuse(error: GatewayError): void
}
