import { GatewayError } from '../../kernel/errors.ts'
import { type AuditEntry, NameTakenError } from '../store/contract.ts'
import { storeAway } from './operations.ts'

export type Kind = AuditEntry['kind']

/** Reports failures of the store without their text, which may hold addresses. */
export async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof GatewayError) throw error
    if (error instanceof NameTakenError) throw taken(error.message)
    throw new GatewayError('callers_unavailable', storeAway, { cause: error })
  }
}

export async function expectNew(find: () => Promise<unknown>, name: string): Promise<void> {
  const found = await find().then(
    () => true,
    (error: unknown) => {
      if (error instanceof GatewayError && error.code === 'not_found') return false
      throw error
    },
  )
  if (found) throw taken(name)
}

export function taken(name: string): GatewayError {
  return new GatewayError('conflict', `The name "${name}" is taken.`, { details: { param: 'name' } })
}

export function missing(kind: Kind): GatewayError {
  return new GatewayError('not_found', `There is no such ${kind}.`)
}

export function changeable<T extends { readonly source: 'config' | 'store' }>(record: T, kind: Kind): T {
  if (record.source === 'store') return record
  throw new GatewayError('conflict', `The ${kind} is in the configuration, and cannot be changed here.`)
}
