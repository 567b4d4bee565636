/**
 * Ends this process. `process.exit` waits for threads of Node's pool and for workers: one that blocks in a system call
 * (an unreachable network file system) would keep the process alive forever. Replacing the process with another program
 * does not wait.
 * @param isClean whether nothing can be blocked
 */
export function endProcess(code: number, isClean: boolean): void {
  if (!isClean && process.execve !== undefined) {
    const { NODE_OPTIONS: _options, NODE_CHANNEL_FD: _channel, ...env } = process.env
    try {
      process.execve(process.execPath, [process.execPath, '--eval', `process.exit(${code})`], env)
    } catch {
      // Not available on this system, or not permitted.
    }
  }
  process.exit(code)
}
