/** The endpoint leads back to where the request has been. */
export const loopStatus = 508

/** Statuses with which a server, or a proxy before it, tells a failure of its own; Cloudflare's begin at 520. */
export const failureStatuses = [500, 502, 503, 504, 507, 520, 521, 522, 523, 524, 525, 526, 529, 530] as const

/**
 * Statuses that move a request on by default. Credentials of clients stay at the gateway, so 401 to 403 are about those
 * that the endpoint's configuration gives.
 */
export const failoverStatuses = [401, 402, 403, 429, ...failureStatuses, loopStatus] as const
