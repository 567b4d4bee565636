import type { BackendProfile } from '../../endpoints/profiles/profile.ts'
import { isAtLeast } from '../../endpoints/profiles/server-version.ts'

/** Whether an endpoint has the Messages API, according to its profile and version. */
export function speaksMessages(profile: BackendProfile | undefined, version: string | undefined): boolean {
  return profile?.anthropic.enabled === true && isAtLeast(version, profile.anthropic.minVersion)
}
