// The one rule for node names, since they stand in certificates, records and host names.

/** A DNS label (RFC 1123, section 2.1) in lower case: 1 to 63 of a-z, 0-9 and inner hyphens. */
export const nodeNamePattern = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
