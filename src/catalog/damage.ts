// Damage of the catalog's files: reported, so that the node continues without the files and pulls them from its peers.

/** A file that is missing or damaged, with its app where that is known; `cause` names the file. */
export interface CatalogDamage {
  readonly file: string;
  readonly app: string | undefined;
  readonly cause: unknown;
}

/** Is called with each damaged file. Without such a function, damage is an error. */
export type OnDamage = (damage: CatalogDamage) => void;
