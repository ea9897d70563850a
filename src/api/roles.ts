// Roles of tokens.

/** The roles of tokens, each including the roles before it. */
export const roles = ["invoke", "deploy", "admin"] as const;

/** One of {@link roles}. */
export type Role = (typeof roles)[number];

/** Whether a text is a role. */
export function isRole(text: unknown): text is Role {
  return (roles as readonly unknown[]).includes(text);
}
