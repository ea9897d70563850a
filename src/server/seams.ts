// What the HTTPS interface needs of tokens and sign-in codes; src/pki has the real ones.

/** What a token allows: admin ⊃ deploy ⊃ invoke; join tokens open nothing here. */
export type Role = "invoke" | "deploy" | "admin" | "join";

/** A verified token. With `app`, it is good for that app alone. */
export interface Claims {
  readonly id: string;
  readonly role: Role;
  readonly app?: string | undefined;
}

/** What to issue; times in seconds. */
export interface TokenRequest {
  readonly role: Role;
  readonly app?: string;
  readonly node?: string;
  readonly ttlSeconds: number;
  readonly uses?: number;
}

/** A token as it is listed: never its text. `expires` is ISO 8601. */
export interface TokenRecord {
  readonly id: string;
  readonly role: Role;
  readonly expires: string;
  readonly app?: string | undefined;
}

/** Issues, checks and revokes the tokens of the mesh. */
export interface Tokens {
  /** The claims of a token that was verified before and is still good; cheap. */
  verifyCached(token: string): Claims | undefined;
  /** Throws `auth.invalid`. */
  verify(token: string): Promise<Claims>;
  issue(request: TokenRequest): Promise<TokenRecord & { readonly token: string }>;
  list(): readonly TokenRecord[];
  revoke(id: string): Promise<boolean>;
}

/** One-time codes that become an admin token. */
export interface SignIn {
  /** Throws `auth.invalid` for a code that is unknown, used or expired. */
  redeem(code: string): Promise<{ readonly token: string }>;
}
