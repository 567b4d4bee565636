import type { SimulatorRequest } from './request.ts'

/** Whether a request carries the key in one of the headers in which inference servers accept it. */
export function hasKey(request: SimulatorRequest, apiKey: string): boolean {
  if (request.header('x-api-key') === apiKey) return true
  const [scheme, value] = (request.header('authorization') ?? '').split(' ', 2)
  if (value === undefined) return false
  switch (scheme?.toLowerCase()) {
    case 'bearer':
      return value === apiKey
    case 'basic': {
      const credentials = Buffer.from(value, 'base64').toString('utf8')
      return credentials.slice(credentials.indexOf(':') + 1) === apiKey
    }
    default:
      return false
  }
}
