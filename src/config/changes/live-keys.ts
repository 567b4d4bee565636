/**
 * Keys that a change of the configuration applies while the gateway runs, and all keys below them. Every other key needs
 * a restart. A key belongs here if a part of the gateway follows it (`ConfigVersions.follow`).
 */
export const liveKeys: readonly string[] = ['discovery.static.endpoints']

export function isLiveKey(key: string): boolean {
  return liveKeys.some((live) => key === live || key.startsWith(`${live}.`) || key.startsWith(`${live}[`))
}
