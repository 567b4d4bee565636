import { createHash } from 'node:crypto'

/**
 * SHA-256, the first 16 digits, of every profile that a release of Olla shipped (0.0.6 to 0.0.29): its archives unpack
 * them beside the program. An unchanged one must not override the improvements of the built-in profiles.
 */
const shipped: ReadonlySet<string> = new Set([
  '0005d14a8bdef433',
  '0dc874246a23a151',
  '1adb9fc0dde49278',
  '1b69dec458451481',
  '21eec2f19ff7f455',
  '27a5d5ccfe76e6cf',
  '378da1a136b68aa2',
  '37c21c5cfd0fde79',
  '430ce75c8b9eff55',
  '43c6d0e906ccb4a0',
  '44e022d528d48374',
  '4fc43541e23a9d02',
  '54133003c6c9e308',
  '676e9649b3b211a3',
  '68977aeac621d546',
  '724bf07bc78ac56f',
  '72825b958aca5ec6',
  '75dfb122ff1d7d27',
  '794bfa8e9a58caa9',
  '7b07051032aad5e1',
  '7d6b456431381762',
  '87fa0359d1ba96c1',
  '9758d2ce30bbab9c',
  '9b102cbd10726653',
  '9c122793417dff62',
  'a4f4b2d9d134439e',
  'a641e29c44260742',
  'afe9f3548b85fb85',
  'b746269f414b509b',
  'b78a98e2614c2175',
  'c541eb730c0c928c',
  'c8c55d6baeef271e',
  'cb36d173a85d3117',
  'cf9e5d9e948ca571',
  'd0a0f948c04e5028',
  'd6c806f6c110caf9',
  'dd4389e1537186ac',
  'deb9a3914766e418',
  'e49e8748095ca893',
  'e93fc59918563e10',
  'eacf9667ea154b65',
  'ee43b64ee83bb0ef',
  'ee9c6724684aec8e',
  'eea1101290275d97',
])

export function isShippedByOlla(content: string): boolean {
  const digest = createHash('sha256').update(content.replaceAll('\r\n', '\n')).digest('hex')
  return shipped.has(digest.slice(0, 16))
}
