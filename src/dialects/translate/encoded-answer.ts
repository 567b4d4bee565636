import { headerValue, type UpstreamHead } from '../../http/headers/response-headers.ts'

/** Whether an endpoint compressed its answer, although the request did not accept that. */
export function isEncoded({ headers }: UpstreamHead): boolean {
  const encoding = headerValue(headers, 'content-encoding')
  return encoding !== undefined && encoding !== 'identity'
}
