import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/**
 * Sends assignments with systemd's own program, which is part of systemd: Node has no UNIX datagram sockets, and a
 * native addon would need compiling.
 */
export async function systemdNotify(assignments: readonly string[]): Promise<void> {
  await execute('systemd-notify', [...assignments], { timeout: 10_000 })
}
