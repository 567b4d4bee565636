/** Targets of one provider. */
const maxTargets = 4_096

/**
 * Expands `gpu-[01-16]:8000,8001` into hosts and ports. Brackets hold a range or a list, `[a,b,07-12]`; a range keeps the
 * width of its first number. Hosts are names or addresses; a network (`10.0.0.0/8`) is refused.
 *
 * @throws RangeError with a message that names the pattern
 */
export function expandTargets(patterns: readonly string[]): { host: string; port: number }[] {
  const targets = new Map<string, { host: string; port: number }>()
  for (const pattern of patterns) {
    const { hosts, ports } = splitPattern(pattern)
    for (const host of expandHosts(hosts, pattern)) {
      for (const port of ports) {
        targets.set(`${host}:${port}`, { host, port })
        if (targets.size > maxTargets)
          throw new RangeError(`"${pattern}": more than ${maxTargets} hosts and ports`)
      }
    }
  }
  return [...targets.values()]
}

function splitPattern(pattern: string): { hosts: string; ports: number[] } {
  const match = /^(\[[0-9a-fA-F:.]+:[0-9a-fA-F:.]*\]|[A-Za-z0-9._,[\]-]+):([0-9]+(?:,[0-9]+)*)$/.exec(
    pattern.trim(),
  )
  if (match === null)
    throw new RangeError(`"${pattern}" is not host:port, host:port,port or host-[01-16]:port`)
  const [, hosts = '', list = ''] = match
  const ports = list.split(',').map(Number)
  const wrong = ports.find((port) => port < 1 || port > 65_535)
  if (wrong !== undefined) throw new RangeError(`"${pattern}": ${wrong} is not a port`)
  return { hosts, ports }
}

function expandHosts(hosts: string, pattern: string): string[] {
  // An IPv6 address in brackets has no ranges.
  if (hosts.includes(':')) return [hosts]
  let expanded = ['']
  for (const part of hosts.split(/(\[[^\]]*\])/)) {
    const choices = part.startsWith('[')
      ? part
          .slice(1, -1)
          .split(',')
          .flatMap((each) => range(each, pattern))
      : [part]
    if (expanded.length * choices.length > maxTargets)
      throw new RangeError(`"${pattern}": more than ${maxTargets} hosts`)
    expanded = expanded.flatMap((head) => choices.map((choice) => head + choice))
  }
  const wrong = expanded.find((host) => !/^[A-Za-z0-9._-]+$/.test(host))
  if (wrong !== undefined) throw new RangeError(`"${pattern}": "${wrong}" is not a host name`)
  return expanded
}

function range(text: string, pattern: string): string[] {
  const match = /^([0-9]+)-([0-9]+)$/.exec(text)
  if (match === null) {
    if (!/^[A-Za-z0-9_-]+$/.test(text))
      throw new RangeError(`"${pattern}": "[${text}]" is not a range such as [01-16]`)
    return [text]
  }
  const [, first = '', last = ''] = match
  const from = Number(first)
  const to = Number(last)
  if (to < from || to - from >= maxTargets)
    throw new RangeError(`"${pattern}": [${text}] is not a range of at most ${maxTargets} numbers`)
  return Array.from({ length: to - from + 1 }, (_, at) => String(from + at).padStart(first.length, '0'))
}
