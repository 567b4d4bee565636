import { script } from './script.ts'

/** Publishes a message. Keys: one that decides the node. Arguments: channel, message. */
export const publishScript = script('publish', "return redis.call('PUBLISH', ARGV[1], ARGV[2])\n")
