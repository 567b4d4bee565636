/** What a hostile or broken endpoint answers. */
export interface HostileAnswer {
  readonly family: string
  readonly name: string
  /** Latin-1, each part a packet; a function makes them for ever. */
  readonly parts: readonly string[] | (() => string)
  /** How the endpoint ends the connection afterwards; it stays by default. */
  readonly ends?: 'fin' | 'reset'
  /** A client must not take it for whole. */
  readonly isBroken?: boolean
  /** The rest comes when the connection is idle. */
  readonly isLate?: boolean
  readonly method?: 'GET' | 'HEAD' | 'POST'
}

const body = 'first'
const type = 'Content-Type: text/plain\r\n'
const ok = `HTTP/1.1 200 OK\r\n${type}`
const sized = `${ok}Content-Length: ${body.length}\r\n\r\n${body}`
/** Where it reaches a client, an answer was put into another's place. */
const second = `HTTP/1.1 200 OK\r\n${type}X-Injected: yes\r\nContent-Length: 6\r\n\r\nSECOND`
const chunks = `${ok}Transfer-Encoding: chunked\r\n\r\n`
const last = '0\r\n\r\n'
const one = `5\r\n${body}\r\n`

function of(
  family: string,
  answers: Readonly<Record<string, string | Omit<HostileAnswer, 'family' | 'name'>>>,
): HostileAnswer[] {
  return Object.entries(answers).map(([name, answer]) =>
    typeof answer === 'string' ? { family, name, parts: [answer] } : { family, name, ...answer },
  )
}

const codings = [
  'chunked',
  'Chunked',
  'gzip, chunked',
  'chunked, gzip',
  'identity',
  'xchunked',
  'chunkedx',
  'chunked, chunked',
  '"chunked"',
  'chunked;q=1',
  ',chunked',
  '',
  '\x0bchunked',
  'chunked\r\nTransfer-Encoding: identity',
]
const lengths = [
  '5',
  '05',
  '+5',
  '-5',
  '0x5',
  '5 5',
  '5,5',
  '5, 6',
  '5\r\nContent-Length: 5',
  '5\r\nContent-Length: 6',
  '',
  '99999999999999999999',
  '5.0',
  '5e0',
  '4',
  '\x005',
  'five',
]
const values = [
  'a\rX-Injected: yes',
  'a\nX-Injected: yes',
  'a\x00b',
  'a\x01',
  'a\x7f',
  'a\x85X-Injected: yes',
  '\xe5\x98\x8a\xe5\x98\x8dX-Injected: yes',
  'a\r\n folded',
  '\xff',
  '%0d%0aX-Injected:%20yes',
]
const sizes = [
  '5 ',
  '5;a=b',
  '5;a="\r\n"',
  '5\t',
  ' 5',
  '+5',
  '0x5',
  '-5',
  '5_',
  'g',
  '',
  '00000000000000005',
  '20000000000005',
  '10000000000000005',
  'ffffffffffffffff',
  '5\x00',
  `5;${'x'.repeat(40_000)}`,
]
const lines = [
  'HTTP/1.1 200',
  'HTTP/1.1 200 ',
  'HTTP/1.0 200 OK',
  'HTTP/0.9 200 OK',
  'HTTP/2.0 200 OK',
  'HTTP/1.2 200 OK',
  'HTTP/1.1  200 OK',
  'HTTP/1.1 20 OK',
  'HTTP/1.1 2000 OK',
  'HTTP/1.1 000 OK',
  'HTTP/1.1 99 OK',
  'HTTP/1.1 600 OK',
  'HTTP/1.1 999 OK',
  'HTTP/1.1 -200 OK',
  'HTTP/1.1 abc OK',
  'http/1.1 200 OK',
  ' HTTP/1.1 200 OK',
  'HTTP/1.1 200 O\x00K',
  'HTTP/1.1 200 O\rK',
  'ICY 200 OK',
  '200 OK',
  '',
]

export const hostileAnswers: readonly HostileAnswer[] = [
  ...of('second answers', {
    'behind a length': sized + second,
    'behind a length, later': { parts: [sized, second], isLate: true },
    'behind chunks': chunks + one + last + second,
    'behind 204': `HTTP/1.1 204 No Content\r\n\r\n${second}`,
    'behind 304': `HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n${second}`,
    'behind HEAD': { parts: [sized + second], method: 'HEAD' },
    'behind HEAD without a length': { parts: [`${ok}\r\n${second}`], method: 'HEAD' },
    'behind chunks of HEAD': { parts: [chunks + one + last + second], method: 'HEAD' },
    'garbage behind': `${sized}garbage`,
    'before the request is whole': {
      parts: [`HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n${second}`],
      method: 'POST',
    },
    'behind 101': `HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n${second}`,
    'behind 100': `HTTP/1.1 100 Continue\r\n\r\n${sized}${second}`,
  }),
  ...of(
    'length and coding',
    Object.fromEntries([
      ...codings.map(
        (coding) =>
          [
            `coding ${JSON.stringify(coding)}`,
            `${ok}Transfer-Encoding: ${coding}\r\n\r\n${one}${last}`,
          ] as const,
      ),
      ...codings.map(
        (coding) =>
          [
            `coding ${JSON.stringify(coding)} and a length`,
            `${ok}Content-Length: 5\r\nTransfer-Encoding: ${coding}\r\n\r\n${one}${last}`,
          ] as const,
      ),
      ...lengths.map(
        (length) =>
          [`length ${JSON.stringify(length)}`, `${ok}Content-Length: ${length}\r\n\r\n${body}`] as const,
      ),
    ]),
  ),
  ...of('chunks', {
    ...Object.fromEntries(
      sizes.map((size) => [
        `size ${JSON.stringify(size.slice(0, 30))}`,
        `${chunks}${size}\r\n${body}\r\n${last}`,
      ]),
    ),
    'no end': { parts: [chunks + one], ends: 'fin', isBroken: true },
    'no end, reset': { parts: [chunks + one], ends: 'reset', isBroken: true },
    'no end of the trailer': { parts: [`${chunks}${one}0\r\n`], ends: 'fin', isBroken: true },
    'half a chunk': { parts: [`${chunks}a\r\n${body}`], ends: 'fin', isBroken: true },
    'LF at the end of data': `${chunks}5\r\n${body}\n${last}`,
    trailers: `${chunks}${one}0\r\nX-Injected: yes\r\nSet-Cookie: a=b\r\n\r\n`,
    'long trailers': `${chunks}${one}0\r\n${'X-A: b\r\n'.repeat(20_000)}\r\n`,
    'a second answer as a trailer': `${chunks}${one}0\r\n${second}`,
    'a byte a packet': { parts: [...`${chunks}${one}${last}`] },
  }),
  ...of('heads', {
    ...Object.fromEntries(
      lines.map((line) => [`line ${JSON.stringify(line)}`, `${line}\r\nContent-Length: 5\r\n\r\n${body}`]),
    ),
    'LF alone': sized.replaceAll('\r\n', '\n'),
    'CR alone': sized.replaceAll('\r\n', '\r'),
    'CR CR LF': sized.replaceAll('\r\n', '\r\r\n'),
    'a name with a blank': `${ok}X Y: z\r\nContent-Length: 5\r\n\r\n${body}`,
    'a blank before the colon': `${ok}Content-Length : 5\r\n\r\n${body}`,
    'no colon': `${ok}nothing\r\nContent-Length: 5\r\n\r\n${body}`,
    'a thousand interim answers': `${'HTTP/1.1 103 Early Hints\r\nX-Injected: yes\r\n\r\n'.repeat(1_000)}${sized}`,
    'interim answers for ever': { parts: () => 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(10) },
    'an endless head': { parts: () => `X-A: ${'b'.repeat(1_000)}\r\n` },
    'an endless line': { parts: () => 'b'.repeat(4_000) },
    'a TLS alert': '\x15\x03\x01\x00\x02\x02\x46',
    'a TLS hello': '\x16\x03\x03\x00\x31\x02\x00',
    'settings of HTTP/2': '\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64\x00\x04',
    garbage: 'garbage that is no HTTP',
    'one byte of garbage': 'g',
    SSH: 'SSH-2.0-OpenSSH_9.2\r\n',
    SMTP: '220 mail ESMTP\r\n',
    'HTTP/0.9': { parts: ['<html>hello</html>'], ends: 'fin' },
    nothing: { parts: [''], ends: 'fin' },
    'nothing, reset': { parts: [''], ends: 'reset' },
    'half a head': { parts: ['HTTP/1.1 200 OK\r\nContent-'], ends: 'fin' },
  }),
  ...of('fields', {
    ...Object.fromEntries(
      values.map((value) => [
        `value ${JSON.stringify(value)}`,
        `${ok}X-A: ${value}\r\nContent-Length: 5\r\n\r\n${body}`,
      ]),
    ),
    ...Object.fromEntries(
      values.map((value) => [
        `location ${JSON.stringify(value)}`,
        `HTTP/1.1 302 Found\r\nLocation: /${value}\r\nContent-Length: 5\r\n\r\n${body}`,
      ]),
    ),
    'what the gateway says': `${ok}X-Olla-Endpoint: evil\r\nX-Olla-Request-ID: evil\r\nx_olla_model: evil\r\nX-Served-By: evil\r\nContent-Length: 5\r\n\r\n${body}`,
    cookies: `${ok}Set-Cookie: a=evil\r\nset-cookie: b=evil; Domain=x\r\nContent-Length: 5\r\n\r\n${body}`,
    'hop by hop': `${ok}Connection: close, X-Secret\r\nX-Secret: evil\r\nKeep-Alive: timeout=evil\r\nProxy-Authenticate: evil\r\nUpgrade: evil\r\nContent-Length: 5\r\n\r\n${body}`,
    '2,000 fields': `${ok}${'X-A: b\r\n'.repeat(2_000)}Content-Length: 5\r\n\r\n${body}`,
  }),
  ...of('bodies', {
    'too short': { parts: [`${ok}Content-Length: 10\r\n\r\n${body}`], ends: 'fin', isBroken: true },
    'too short, reset': { parts: [`${ok}Content-Length: 10\r\n\r\n${body}`], ends: 'reset', isBroken: true },
    'until the end': { parts: [`${ok}\r\n${body}`], ends: 'fin' },
    'until a reset': { parts: [`${ok}\r\n${body}`], ends: 'reset', isBroken: true },
    'gzip that is none': `${ok}Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\n${body}`,
    'a body of 204': `HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n${body}`,
    'a body of 304': `HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n${body}`,
  }),
  ...of(
    'redirects',
    Object.fromEntries(
      [301, 302, 303, 307, 308].flatMap((status) => [
        [`${status} elsewhere`, redirect(status, 'http://127.0.0.2:9/elsewhere')] as const,
        [`${status} to itself`, redirect(status, '{self}')] as const,
      ]),
    ),
  ),
]

function redirect(status: number, location: string): string {
  return `HTTP/1.1 ${status} Found\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`
}
