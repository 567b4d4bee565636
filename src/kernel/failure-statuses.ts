/** Loop detected: the endpoint leads back to a gateway that the request has passed. */
export const loopStatus = 508

/** Statuses by which a server, or a proxy in front of it, reports its own failure. Cloudflare's start at 520. */
export const failureStatuses = [500, 502, 503, 504, 507, 520, 521, 522, 523, 524, 525, 526, 529, 530] as const

/**
 * Statuses that trigger failover by default. The gateway does not forward client credentials, so 401 to 403 concern the
 * credentials in the endpoint's configuration.
 */
export const failoverStatuses = [401, 402, 403, 429, ...failureStatuses, loopStatus] as const
