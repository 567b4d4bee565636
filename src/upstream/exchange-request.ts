import type { Readable } from 'node:stream'
import { replaceValue } from '../json/body-edit.ts'
import type { JsonSpan } from '../json/body-scan.ts'
import type { RoutedEndpoint, RoutingOutcome } from '../model/router.ts'
import type { RequestContext } from '../request/context.ts'
import { Upload } from '../request/upload.ts'
import { attemptHeaders } from './request-headers.ts'
import type { UpstreamRequest } from './transport.ts'

/** A client's request as the routes hand it over. */
export interface ExchangeRequest {
  readonly context: RequestContext
  readonly method: string
  /** As the endpoint shall see it, still percent-encoded. */
  readonly path: string
  /** With its `?`, or ''. */
  readonly query: string
  readonly body: Buffer | Upload | null
  /** Where the model's name stands in the body. */
  readonly modelSpan?: JsonSpan | undefined
  /** From `forwardedHeaders`. */
  readonly headers: readonly string[]
  readonly routing: RoutingOutcome
}

/**
 * The request as one endpoint gets it: with the model's name there, and with credentials of its own.
 * @param path on the endpoint, with the query
 * @param renameAnswers whether the answer will be read for the model's name, so it must not come compressed
 */
export function requestFor(
  request: ExchangeRequest,
  { endpoint, sentModel }: RoutedEndpoint,
  path: string,
  renameAnswers: boolean,
): UpstreamRequest {
  const { method, modelSpan } = request
  const isRenamed = Buffer.isBuffer(request.body) && modelSpan !== undefined && sentModel !== undefined
  const headers = attemptHeaders(request.headers, endpoint, isRenamed && renameAnswers)
  if (request.body instanceof Upload) {
    const body: Buffer | Readable = request.body.open()
    return { method, path, headers: [...headers, 'Content-Length', String(request.body.bytes)], body }
  }
  const body = isRenamed ? replaceValue(request.body, modelSpan, sentModel) : request.body
  return { method, path, headers, body }
}
