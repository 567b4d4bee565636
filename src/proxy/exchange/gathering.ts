/** `proxy.profile` of the configuration. */
export type StreamingProfile = 'auto' | 'streaming' | 'standard'

const binaryTypes =
  /^(?:image|video|audio|font|model)\/|^application\/(?:pdf|zip|gzip|x-tar|x-rar|x-7z|vnd\.rar|octet-stream|msword|vnd\.(?:openxmlformats|ms-|oasis))/i

/**
 * Returns how many bytes of an answer are joined before they are sent. Tokens must not wait, so `auto` joins only
 * answers that clients do not read incrementally (contract 7.6).
 * @returns a function from content type to bytes; 0 sends each chunk at once
 */
export function gatheringFor(
  profile: StreamingProfile,
  bufferBytes: number,
): (contentType: string | undefined) => number {
  switch (profile) {
    case 'streaming':
      return () => 0
    case 'standard':
      return () => bufferBytes
    case 'auto':
      return (contentType) => (contentType !== undefined && binaryTypes.test(contentType) ? bufferBytes : 0)
  }
}
