import { spawnSync } from 'node:child_process'

/** Whether Prometheus' own checker is on this machine; where `OLLA_REQUIRE_PROMTOOL` is set it has to be. */
export const hasPromtool = spawnSync('promtool', ['--version']).status === 0

if (!hasPromtool && process.env.OLLA_REQUIRE_PROMTOOL === '1') {
  throw new Error('promtool is not installed (Debian: prometheus)')
}

/** @returns what it found; '' for nothing */
export function promtool(args: readonly string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync('promtool', args, { input, encoding: 'utf8' })
  return status === 0 ? stderr : `${stdout}${stderr}` || `status ${status}`
}
