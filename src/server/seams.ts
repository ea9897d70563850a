// What the HTTPS interface uses of the mesh's tokens and sign-in codes.

import type { SignIn as SignInCodes } from "../pki/sign-in.js";
import type { TokenAuthority } from "../pki/tokens.js";

/** Issues, checks and revokes tokens. */
export type Tokens = Pick<TokenAuthority, "verifyCached" | "verify" | "issue" | "list" | "revoke">;

/** Exchanges one-time codes for admin tokens. */
export type SignIn = Pick<SignInCodes, "redeem">;
