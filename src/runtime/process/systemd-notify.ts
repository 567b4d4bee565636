import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/**
 * Sends assignments by systemd's own program: Node opens no datagram sockets of the UNIX kind, and an addon would have to be
 * compiled. It comes with systemd.
 */
export async function systemdNotify(assignments: readonly string[]): Promise<void> {
  await execute('systemd-notify', [...assignments], { timeout: 10_000 })
}
