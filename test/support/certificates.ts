import { readFileSync } from 'node:fs'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { fileURLToPath } from 'node:url'

/**
 * A certificate for `localhost` that can be trusted, and what is wrong with others. All of them are for one key,
 * which was made for these tests; all but `unknown-issuer` are issued by `localhost`.
 */
export type CertificateName = 'localhost' | 'unknown-issuer' | 'expired' | 'other-name' | 'client-only'

const fileUrl = (name: string) => new URL(`./certificates/${name}`, import.meta.url)
const read = (name: string): string => readFileSync(fileUrl(name), 'utf8')

/** For `NODE_EXTRA_CA_CERTS`. */
export const localhostCertificatePath = fileURLToPath(fileUrl('localhost.crt'))

/** What a server shows of itself. */
export function identity(name: CertificateName): { key: string; cert: string } {
  return { key: read('localhost.key'), cert: read(`${name}.crt`) }
}

/** From now on this thread trusts what `localhost` has issued. */
export function trustLocalhost(): void {
  setDefaultCACertificates([...getCACertificates('default'), read('localhost.crt')])
}
