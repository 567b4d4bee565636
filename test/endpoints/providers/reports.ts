import type { FoundEndpoint, ProviderReports } from '../../../src/endpoints/providers/contract/contract.ts'

/** Records what a provider reports. */
export function recordReports() {
  const found: (readonly FoundEndpoint[])[] = []
  const failures: string[] = []
  const reports: ProviderReports = {
    found: (endpoints) => found.push(endpoints),
    failed: (reason) => failures.push(reason),
    unavailable: (reason) => failures.push(reason),
  }
  return {
    reports,
    found,
    failures,
    /** URLs of the last report; undefined before the first. */
    urls: () => found.at(-1)?.map(({ url }) => url),
    ready: () => found.at(-1)?.flatMap(({ url, isReady }) => (isReady ? [url] : [])),
  }
}
